// The mean gradient of an epoch, against one step over all of its images.
#include "tools/gradient_pass.h"

#include <catch2/catch.hpp>

#include "engine/error.h"
#include "tests/engine/tiny_networks.h"
#include "tests/tools/in_memory_images.h"

namespace trady::tools {
namespace {

using Catch::Matchers::Contains;

constexpr int kSize = 9;
constexpr int64_t kImages = 12;

/// The pass over kImages images in batches of `batch`.
struct Pass {
  Pass(int64_t batch, int64_t micro_batch, int workers,
       std::optional<int64_t> memory_limit = std::nullopt,
       std::unique_ptr<kernels::Backend> of =
           kernels::make_reference_backend(kernels::DType::float64))
      : device(std::move(of)), parameters(tape.parameters(), *device) {
    testing::fill_random(parameters, 3);
    StepSettings settings{batch, micro_batch, true, {}};
    settings.memory_limit = memory_limit;
    runner = std::make_unique<StepRunner>(tape, *device, parameters, OptimizerSettings{}, settings,
                                          workers);
    loader = testing::loader_of(kImages, kSize, LoaderOptions::training(), batch);
  }
  GradientPass run(const std::vector<int>& convs, int epoch = 0) {
    return run_gradient_pass(*runner, tape, parameters, *loader, convs, epoch, nullptr);
  }

  const Tape tape = testing::tiny_network();
  const std::unique_ptr<kernels::Backend> device;
  Parameters parameters;
  std::unique_ptr<StepRunner> runner;
  std::unique_ptr<Loader> loader;
};

/// n_c of one step over all images at once, from the whole dW in the layout of the kernels.
std::vector<std::vector<double>> norms_of_one_step() {
  Pass whole(kImages, kImages, 1);
  std::vector<std::vector<double>> norms(whole.tape.convs().size());
  whole.runner->select(testing::every_weight(whole.tape));
  whole.runner->on_gradients([&](const GradientView& view) {
    for (const GradientSlot& slot : view.slots) {
      if (slot.conv_index < 0 || slot.is_bias) continue;
      std::vector<double>& of_conv = norms[static_cast<size_t>(slot.conv_index)];
      of_conv.resize(static_cast<size_t>(slot.shape.in_c));
      view.backend.slice_norms(slot.shape, slot.kind, slot.shape.in_c, view.values(slot),
                               of_conv.data());
    }
  });
  Batch batch;
  whole.loader->start_epoch(0);
  REQUIRE(whole.loader->next(batch));
  whole.runner->train(view_of(batch), 0);
  return norms;
}

}  // namespace

TEST_CASE("The norms are those of the mean gradient, however the images are cut into batches") {
  const std::vector<std::vector<double>> expected = norms_of_one_step();
  for (const int64_t batch : {12, 4, 2}) {
    Pass pass(batch, 2, 1);
    const GradientPass result = pass.run({0, 1, 2, 3, 4, 5, 6});
    CHECK(result.steps == kImages / batch);
    for (size_t conv = 0; conv < expected.size(); ++conv) {
      INFO("batch " << batch << " conv " << conv);
      CHECK(testing::relative_error(result.norms[conv], expected[conv]) < 1e-12);
    }
  }
}

TEST_CASE("The norms of the CPU device are those of the reference") {
  Pass pass(4, 2, 2, std::nullopt, kernels::make_cpu_backend());
  const GradientPass result = pass.run({0, 1, 2, 3, 4, 5, 6});
  const std::vector<std::vector<double>> expected = norms_of_one_step();
  for (size_t conv = 0; conv < expected.size(); ++conv) {
    INFO("conv " << conv);
    CHECK(testing::relative_error(result.norms[conv], expected[conv]) < 1e-5);
  }
}

TEST_CASE("A gradient pass updates nothing and answers the same for any number of workers") {
  Pass one(4, 1, 1), three(4, 1, 3);
  const auto before = testing::values_of(one.parameters);
  const GradientPass result = one.run({1, 2, 5});
  CHECK(testing::values_of(one.parameters) == before);
  CHECK(result.norms[0].empty());
  CHECK(result.norms[1].size() == 4);
  CHECK(result.norms[2].size() == 6);
  CHECK(three.run({1, 2, 5}).norms == result.norms);
  CHECK(one.run({1, 2, 5}).norms == result.norms);   // nothing is left of the pass before
  CHECK_FALSE(one.run({1, 2, 5}, 1).norms.empty());  // a later epoch has steps of its own
  Batch batch;
  one.loader->start_epoch(0);
  REQUIRE(one.loader->next(batch));
  one.runner->select(UpdatePlan::head_only(7));
  one.runner->train(view_of(batch), 0.1);  // and nobody listens any more
  CHECK_FALSE(testing::values_of(one.parameters) == before);
}

TEST_CASE("A gradient pass tells what it reserved, its sums included") {
  Pass pass(4, 1, 1);
  const GradientPass result = pass.run({0, 1, 2, 3, 4, 5, 6});
  int64_t weights = 0;
  for (const ConvLayer& conv : pass.tape.convs()) weights += conv.shape.weight_elements();
  CHECK(gradient_sum_bytes(pass.tape, {0, 1, 2, 3, 4, 5, 6}) == 8 * weights);
  CHECK(result.reserved_bytes == pass.runner->measured().reserved + 8 * weights);
  const int64_t whole = pass.runner->measured().reserved;
  pass.runner->select(UpdatePlan::head_only(7));
  CHECK(pass.runner->measured().reserved < whole);
}

TEST_CASE("A gradient pass beyond the memory limit is refused with what to do") {
  Pass pass(4, 1, 1, /*memory_limit=*/1000);
  CHECK_THROWS_WITH(pass.run({0, 1}), Contains("pass over the training set") &&
                                          Contains("limit is 1000") && Contains("--memory-limit"));
}

}  // namespace trady::tools
