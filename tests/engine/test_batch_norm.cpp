// Batch-norm in its modes, max pooling and the shortcut without parameters: whole steps on the
// reference in float64 against finite differences and against each other.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/batch_norm.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

using testing::central_difference;
using testing::relative_error;

constexpr int64_t kBatch = 4;

struct Bench {
  Bench(BatchNormMode mode, int64_t micro_batch)
      : device(kernels::make_reference_backend(kernels::DType::float64)),
        tape(testing::residual_network(mode)),
        parameters(tape.parameters(), *device),
        runner(tape, *device, parameters, {}, {kBatch, micro_batch, true, {}}, 1),
        batch(tape, kBatch, 5) {
    testing::fill_random(parameters, 3);
    testing::fill_batch_norms(tape, parameters);
  }
  testing::Gradients gradients(const UpdatePlan& plan) {
    runner.select(plan);
    return testing::gradients_of(runner, tape, batch);
  }

  std::unique_ptr<kernels::Backend> device;
  Tape tape;
  Parameters parameters;
  StepRunner runner;
  testing::RandomBatch batch;
};

}  // namespace

TEST_CASE("Statistics of the batch: gradients are those of finite differences", "[batch_norm]") {
  Bench bench(BatchNormMode::train, kBatch);
  const testing::Gradients gradients = bench.gradients(testing::every_weight(bench.tape));
  const size_t norms = bench.tape.batch_norms().size();
  CHECK(gradients.size() == bench.tape.convs().size() + 2 * norms + 2);
  for (const auto& [name, gradient] : gradients) {
    auto* weight = static_cast<double*>(bench.parameters.data(gradient.slot.parameter));
    std::vector<double> differences;
    // Every third is enough, and quicker.
    std::vector<double> chosen;
    for (size_t i = 0; i < gradient.values.size(); i += 3) {
      chosen.push_back(gradient.values[i]);
      differences.push_back(central_difference(
          weight[i], [&] { return bench.runner.train(bench.batch.view(), 0.0).loss; }));
    }
    INFO(name);
    CHECK(relative_error(chosen, differences) <= 1e-6);
  }
}

TEST_CASE("Running statistics follow those of the batch", "[batch_norm]") {
  Bench bench(BatchNormMode::train, kBatch);
  bench.runner.select(UpdatePlan::head_only(bench.tape.convs().size()));
  const BatchNormLayer& layer = bench.tape.batch_norms()[0];
  const auto before = bench.parameters.get(layer.running_mean);
  bench.runner.train(bench.batch.view(), 0.0);
  const auto once = bench.parameters.get(layer.running_mean);
  bench.runner.train(bench.batch.view(), 0.0);
  const auto twice = bench.parameters.get(layer.running_mean);
  for (size_t c = 0; c < once.size(); ++c) {
    // r1 = 0.9 r0 + 0.1 m and r2 = 0.9 r1 + 0.1 m of the same batch
    CHECK(once[c] != before[c]);
    CHECK(twice[c] - once[c] == Approx(0.9 * (once[c] - before[c])).epsilon(1e-9));
  }
}

TEST_CASE("Evaluation uses the running statistics: the same as frozen and merged", "[batch_norm]") {
  Bench train(BatchNormMode::train, kBatch);
  Bench frozen(BatchNormMode::frozen, 2);
  train.runner.select(UpdatePlan::head_only(train.tape.convs().size()));
  frozen.runner.select(UpdatePlan::head_only(frozen.tape.convs().size()));
  for (size_t i = 0; i < frozen.parameters.specs().size(); ++i) {
    const ParameterSpec& spec = frozen.parameters.specs()[i];
    if (spec.is_derived) continue;
    frozen.parameters.set(static_cast<ParameterId>(i),
                          train.parameters.get(train.parameters.find(spec.name)));
  }
  merge_batch_norms(frozen.tape, frozen.parameters);
  const double expected = train.runner.evaluate(train.batch.view()).loss_sum;
  CHECK(frozen.runner.evaluate(frozen.batch.view()).loss_sum == Approx(expected).epsilon(1e-12));
}

TEST_CASE("Frozen: gradients and updates are those of the plain weight", "[batch_norm]") {
  Bench bench(BatchNormMode::frozen, 2);
  UpdatePlan plan = UpdatePlan::head_only(bench.tape.convs().size());
  plan.convs[0] = LayerUpdate::whole(true);
  plan.convs[1] = LayerUpdate::inputs({1, 3});
  plan.convs[2] = LayerUpdate::inputs({0, 3});
  plan.convs[4] = LayerUpdate::outputs({0, 7});
  plan.convs[5] = LayerUpdate::bias_only();
  const testing::Gradients gradients = bench.gradients(plan);
  CHECK(gradients.size() == 4 + 2);  // beta is frozen: no bias is trained
  for (const auto& [name, gradient] : gradients) {
    const BatchNormLayer* layer = nullptr;
    for (const BatchNormLayer& candidate : bench.tape.batch_norms()) {
      if (candidate.weight == gradient.slot.parameter) layer = &candidate;
    }
    if (layer == nullptr) continue;  // the classifier
    const std::vector<double> scale = bench.parameters.get(layer->scale);
    auto* merged = static_cast<double*>(bench.parameters.data(layer->weight));
    const size_t row = static_cast<size_t>(gradient.slot.shape.weight_elements()) / scale.size();
    std::vector<double> differences;
    for (const size_t position : testing::positions_in_whole(gradient.slot)) {
      // A step of the plain weight is s steps of the merged one.
      differences.push_back(central_difference(
          merged[position],
          [&] { return bench.runner.evaluate(bench.batch.view()).loss_sum / kBatch; },
          scale[position / row]));
    }
    INFO(name);
    CHECK(relative_error(gradient.values, differences) <= 1e-6);
  }

  constexpr double kRate = 0.1;
  std::vector<std::vector<double>> before;
  for (const auto& layer : bench.tape.batch_norms()) {
    before.push_back(plain_weight(layer, bench.parameters));
  }
  bench.runner.train(bench.batch.view(), kRate);
  for (size_t i = 0; i < before.size(); ++i) {
    const BatchNormLayer& layer = bench.tape.batch_norms()[i];
    const std::vector<double> after = plain_weight(layer, bench.parameters);
    const std::string& name = bench.tape.parameters()[static_cast<size_t>(layer.weight)].name;
    double moved = 0;
    for (size_t k = 0; k < after.size(); ++k) moved += std::pow(after[k] - before[i][k], 2);
    double expected = 0;
    if (gradients.contains(name)) {
      for (const double g : gradients.at(name).values) expected += std::pow(kRate * g, 2);
    }
    INFO(name);
    CHECK(moved == Approx(expected).epsilon(1e-9).margin(1e-24));
  }
}

TEST_CASE("Two layers that keep channels of one tensor share what they keep", "[batch_norm]") {
  Bench bench(BatchNormMode::frozen, 1);
  const size_t convs = bench.tape.convs().size();
  const auto saved_by = [&](const std::vector<int32_t>& one, const std::vector<int32_t>& other) {
    UpdatePlan plan = UpdatePlan::head_only(convs);
    if (!one.empty()) plan.convs[1] = LayerUpdate::inputs(one);
    if (!other.empty()) plan.convs[2] = LayerUpdate::inputs(other);
    bench.gradients(plan);
    CHECK(bench.runner.measured() == bench.runner.planned());
    int64_t bytes = 0;
    for (const auto& buffer : bench.runner.program().lane_plan().buffers()) {
      if (buffer.name.starts_with("saved input")) bytes += buffer.bytes;
    }
    return bytes;
  };
  const int64_t channel = saved_by({1}, {});
  CHECK(saved_by({1, 2}, {1, 2}) == 2 * channel);
  CHECK(saved_by({0, 1}, {1, 3}) == 3 * channel);
  CHECK(saved_by({0, 1}, {2}) == 3 * channel);
  CHECK(saved_by({0, 1, 2, 3}, {2}) == 0);  // the input itself is kept
}

TEST_CASE("Statistics of a batch are not those of a micro-batch", "[batch_norm]") {
  Bench bench(BatchNormMode::train, 2);
  CHECK_THROWS_WITH(bench.gradients(UpdatePlan::head_only(bench.tape.convs().size())),
                    Catch::Contains("--batch-norm frozen"));
}

}  // namespace trady
