// What a step computes: slices of the dense gradient, sums over micro-batches, and gradients of
// tapes on which one tensor has several readers.
#include <algorithm>
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

using testing::Gradients;
using testing::relative_error;

std::vector<std::unique_ptr<kernels::Backend>> devices() {
  std::vector<std::unique_ptr<kernels::Backend>> result;
  result.push_back(kernels::make_reference_backend(kernels::DType::float64));
  result.push_back(kernels::make_reference_backend(kernels::DType::float32));
  result.push_back(kernels::make_cpu_backend());
  return result;
}

/// A network with random weights under one selection.
struct Bench {
  Bench(Tape recorded, const kernels::Backend& device, const StepSettings& settings,
        int workers = 1)
      : tape(std::move(recorded)),
        backend(device),
        parameters(tape.parameters(), device),
        runner(tape, device, parameters, {}, settings, workers),
        batch(tape, settings.batch, 5) {
    testing::fill_random(parameters, 3);
  }
  Gradients gradients(const UpdatePlan& plan) {
    runner.select(plan);
    return testing::gradients_of(runner, tape, batch);
  }

  Tape tape;
  const kernels::Backend& backend;
  Parameters parameters;
  StepRunner runner;
  testing::RandomBatch batch;
};

/// Every gradient of `plan`, and no other, is the slice of the dense one.
void check_slices_of(const Gradients& dense, Bench& bench, const UpdatePlan& plan) {
  const Gradients sliced = bench.gradients(plan);
  const double tolerance = bench.backend.dtype() == kernels::DType::float64 ? 1e-13 : 1e-5;
  size_t expected = 2;  // the classifier
  for (const LayerUpdate& update : plan.convs) expected += update.updates_weight();
  for (const LayerUpdate& update : plan.convs) expected += update.train_bias;
  CHECK(sliced.size() == expected);
  for (const auto& [name, gradient] : sliced) {
    const auto positions = testing::positions_in_whole(gradient.slot);
    std::vector<double> slice;
    for (size_t position : positions) slice.push_back(dense.at(name).values[position]);
    INFO(bench.backend.name() << " " << name);
    CHECK(relative_error(gradient.values, slice) <= tolerance);
    CHECK(std::ranges::any_of(slice, [](double v) { return v != 0; }));
  }
}

/// Central differences of the mean loss over every parameter.
void check_finite_differences(Tape tape, int64_t micro_batch) {
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  Bench bench(std::move(tape), *device, {4, micro_batch, true, {}});
  const Gradients gradients = bench.gradients(testing::every_weight(bench.tape));
  CHECK(gradients.size() == bench.parameters.specs().size());
  for (const auto& [name, gradient] : gradients) {
    auto* weight = static_cast<double*>(bench.parameters.data(gradient.slot.parameter));
    std::vector<double> differences;
    for (size_t i = 0; i < gradient.values.size(); ++i) {
      differences.push_back(testing::central_difference(
          weight[i], [&] { return bench.runner.evaluate(bench.batch.view()).loss_sum / 4; }));
    }
    INFO(name);
    CHECK(relative_error(gradient.values, differences) <= 1e-6);
  }
}

void classify(Tape& tape, TensorId x) {
  tape.cross_entropy(tape.linear(tape.mean_pool(x), "classifier", 3));
}

TensorId first_conv(Tape& tape) {
  return tape.conv2d(tape.image(6, {}), {.name = "first",
                                         .out_channels = 3,
                                         .kernel = 3,
                                         .stride = 2,
                                         .activation = kernels::Activation::relu6});
}

}  // namespace

TEST_CASE("Every kind of update computes the slice of the dense gradient") {
  for (const auto& device : devices()) {
    Bench bench(testing::tiny_network(), *device, {4, 2, true, {}});
    const Gradients dense = bench.gradients(testing::every_weight(bench.tape));
    const size_t convs = bench.tape.convs().size();
    CHECK(dense.size() == 2 * convs + 2);
    for (size_t i = 0; i < convs; ++i) {
      const auto& shape = bench.tape.convs()[i].shape;
      const auto last_in = static_cast<int32_t>(shape.in_c - 1);
      const auto last_out = static_cast<int32_t>(shape.out_c - 1);
      for (const LayerUpdate& update :
           {LayerUpdate::frozen(), LayerUpdate::bias_only(), LayerUpdate::inputs({}),
            LayerUpdate::inputs({last_in}), LayerUpdate::inputs({0, last_in}),
            LayerUpdate::outputs({}), LayerUpdate::outputs({last_out}),
            LayerUpdate::outputs({0, last_out}), LayerUpdate::whole(false)}) {
        UpdatePlan plan = UpdatePlan::head_only(convs);
        plan.convs[i] = update;
        check_slices_of(dense, bench, plan);
      }
    }
    for (uint32_t seed = 0; seed < 20; ++seed) {
      check_slices_of(dense, bench, testing::mixed_plan(bench.tape, seed));
    }
  }
}

TEST_CASE("A list of all channels is the plan `all` bit for bit") {
  for (const auto& device : devices()) {
    Bench bench(testing::tiny_network(), *device, {4, 2, true, {}});
    UpdatePlan inputs, outputs;
    for (const ConvLayer& conv : bench.tape.convs()) {
      std::vector<int32_t> every(static_cast<size_t>(conv.shape.in_c));
      std::iota(every.begin(), every.end(), 0);
      inputs.convs.push_back(LayerUpdate::inputs(every));
      every.resize(static_cast<size_t>(conv.shape.out_c));
      std::iota(every.begin(), every.end(), 0);
      outputs.convs.push_back(LayerUpdate::outputs(every));
    }
    const Gradients dense = bench.gradients(
        {std::vector<LayerUpdate>(bench.tape.convs().size(), LayerUpdate::whole(false))});
    const Gradients by_input = bench.gradients(inputs);
    const Gradients by_output = bench.gradients(outputs);
    for (const auto& [name, gradient] : dense) {
      INFO(device->name() << " " << name);
      CHECK(by_input.at(name).values == gradient.values);
      CHECK(relative_error(by_output.at(name).values, gradient.values) <= 1e-5);
    }
  }
}

TEST_CASE("Micro-batches add up to the gradient of the whole batch") {
  for (const auto& device : devices()) {
    Bench whole(testing::tiny_network(), *device, {6, 6, true, {}});
    const Gradients truth = whole.gradients(testing::every_weight(whole.tape));
    for (int64_t micro_batch : {1, 2, 3}) {
      Bench bench(testing::tiny_network(), *device, {6, micro_batch, true, {}});
      for (const auto& [name, gradient] : bench.gradients(testing::every_weight(bench.tape))) {
        INFO(device->name() << " " << name << " at micro-batch " << micro_batch);
        const double tolerance = device->dtype() == kernels::DType::float64 ? 1e-13 : 1e-5;
        CHECK(relative_error(gradient.values, truth.at(name).values) <= tolerance);
      }
    }
  }
}

TEST_CASE("The tiny network's gradients agree with finite differences") {
  check_finite_differences(testing::tiny_network(), 2);
}

TEST_CASE("A tensor that two convolutions read collects both gradients") {
  Tape tape;
  const TensorId x = first_conv(tape);
  const TensorId a =
      tape.conv2d(x, {.name = "a", .out_channels = 3, .activation = kernels::Activation::relu});
  SECTION("residual added in place") {
    const TensorId b = tape.conv2d(x, {.name = "b", .out_channels = 3, .kernel = 3, .residual = a});
    classify(tape, b);
  }
  SECTION("residual with an activation behind it, read again later") {
    const TensorId b = tape.conv2d(x, {.name = "b",
                                       .out_channels = 3,
                                       .kernel = 3,
                                       .activation = kernels::Activation::relu6,
                                       .residual = a});
    const TensorId c = tape.conv2d(b, {.name = "c", .out_channels = 3, .residual = a});
    const TensorId d = tape.conv2d(c, {.name = "d", .out_channels = 3, .residual = x});
    classify(tape, d);
  }
  SECTION("residual that is kept whole for a weight gradient") {
    const TensorId b = tape.conv2d(a, {.name = "b", .out_channels = 4, .kernel = 3});
    const TensorId c = tape.conv2d(b, {.name = "c", .out_channels = 3, .residual = a});
    classify(tape, c);
  }
  SECTION("residual that is the convolution's own input") {
    const TensorId b = tape.conv2d(a, {.name = "b",
                                       .out_channels = 3,
                                       .kernel = 3,
                                       .activation = kernels::Activation::relu6,
                                       .residual = a});
    const TensorId c = tape.conv2d(b, {.name = "c", .out_channels = 3, .residual = b});
    classify(tape, c);
  }
  check_finite_differences(std::move(tape), 2);
}

TEST_CASE("A tensor that a mean pool and a convolution read collects both gradients") {
  Tape tape;
  const TensorId x = first_conv(tape);  // 3 x 3
  const TensorId pooled = tape.mean_pool(x);
  const TensorId y =
      tape.conv2d(x, {.name = "strided", .out_channels = 3, .stride = 3, .residual = pooled});
  tape.cross_entropy(tape.linear(y, "classifier", 3));
  check_finite_differences(std::move(tape), 2);
}

TEST_CASE("A convolution that adds its own input does not overwrite it while it reads") {
  // Nothing is kept whole here, so that only the two reads of `x` stand against sharing a buffer.
  for (const auto& device : devices()) {
    Tape tape;
    TensorId x = first_conv(tape);
    for (const char* name : {"a", "b"}) {
      x = tape.conv2d(x, {.name = name, .out_channels = 3, .kernel = 3, .residual = x});
    }
    classify(tape, x);
    Bench bench(std::move(tape), *device, {4, 2, true, {}});
    const Gradients dense = bench.gradients(testing::every_weight(bench.tape));
    UpdatePlan plan = UpdatePlan::head_only(3);
    check_slices_of(dense, bench, plan);
    plan.convs[1] = LayerUpdate::inputs({1});
    check_slices_of(dense, bench, plan);
  }
}

TEST_CASE("Two layers that save the same channels of a tensor store them once") {
  Tape tape;
  const TensorId x = first_conv(tape);
  const TensorId a = tape.conv2d(x, {.name = "a", .out_channels = 3});
  const TensorId b = tape.conv2d(x, {.name = "b", .out_channels = 3, .kernel = 3, .residual = a});
  classify(tape, b);
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  Bench bench(std::move(tape), *device, {4, 2, true, {}});
  const Gradients dense = bench.gradients(testing::every_weight(bench.tape));

  UpdatePlan plan = UpdatePlan::head_only(3);
  const auto saved_by = [&](const LayerUpdate& of_a, const LayerUpdate& of_b) {
    plan.convs[1] = of_a;
    plan.convs[2] = of_b;
    check_slices_of(dense, bench, plan);
    return saved_for_backward(bench.runner.program()).inputs;
  };
  constexpr int64_t kChannel = 8 * 2 * 3 * 3;  // float64, micro-batch 2, 3 x 3
  const int64_t features = 8 * 2 * 3;          // the classifier's input
  const auto one = LayerUpdate::inputs({1});
  const auto two = LayerUpdate::inputs({0, 2});
  CHECK(saved_by(one, LayerUpdate::frozen()) == kChannel + features);
  CHECK(saved_by(one, one) == kChannel + features);
  CHECK(saved_by(two, two) == 2 * kChannel + features);
  CHECK(saved_by(one, two) == 3 * kChannel + features);
  CHECK(saved_by(LayerUpdate::whole(false), LayerUpdate::whole(true)) == 3 * kChannel + features);
}

TEST_CASE("Update plans that do not fit the network are refused") {
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  Bench bench(testing::tiny_network(), *device, {4, 2, true, {}});
  const auto refuses = [&](size_t conv, const LayerUpdate& update, const std::string& what) {
    UpdatePlan plan = UpdatePlan::head_only(bench.tape.convs().size());
    plan.convs[conv] = update;
    CHECK_THROWS_WITH(bench.runner.select(plan), Catch::Contains(what));
  };
  refuses(0, LayerUpdate::inputs({3}), "[conv2d] first: the update plan lists channel 3");
  refuses(0, LayerUpdate::inputs({-1}), "channel -1");
  refuses(4, LayerUpdate::inputs({1, 1}), "must ascend within 0 .. 3");
  refuses(4, LayerUpdate::inputs({2, 0}), "lists channel 0 at place 1");
  refuses(4, LayerUpdate::outputs({7}), "0 .. 6");
  CHECK_THROWS_WITH(bench.runner.select(UpdatePlan::head_only(3)),
                    Catch::Contains("3 layers, the network 7"));
}

TEST_CASE("Batches that the steps were not planned for are refused") {
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  CHECK_THROWS_WITH(Bench(testing::tiny_network(), *device, {5, 2, true, {}}),
                    Catch::Contains("5") && Catch::Contains("--micro-batch"));
  Bench bench(testing::tiny_network(), *device, {4, 2, true, {}});
  bench.runner.select(UpdatePlan::head_only(7));
  auto view = bench.batch.view();
  view.count = 3;
  CHECK_THROWS_WITH(bench.runner.train(view, 0.1), Catch::Contains("planned for 4 images, got 3"));
  CHECK_NOTHROW(bench.runner.evaluate(view));
  view.count = 0;
  CHECK_THROWS_AS(bench.runner.evaluate(view), Error);
  bench.batch.labels[2] = 3;
  CHECK_THROWS_WITH(bench.runner.train(bench.batch.view(), 0.1),
                    Catch::Contains("label 3 of image 2"));
}

TEST_CASE("A step that is not finite updates nothing") {
  for (const auto& device : devices()) {
    Bench bench(testing::tiny_network(), *device, {4, 2, true, {}});
    auto values = bench.parameters.get(0);
    values[5] = std::nan("");
    bench.parameters.set(0, values);
    bench.runner.select(testing::every_weight(bench.tape));
    const auto last = static_cast<ParameterId>(bench.parameters.specs().size()) - 1;
    const auto before = bench.parameters.get(last);
    CHECK_FALSE(bench.runner.train(bench.batch.view(), 0.1).finite);
    CHECK(bench.parameters.get(last) == before);
  }
}

}  // namespace trady
