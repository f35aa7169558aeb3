// SGD with momentum, weight decay and clipping against loops written out here.
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

constexpr int64_t kBatch = 4;
constexpr double kLearningRate = 0.05;
constexpr int kSteps = 5;

/// The gradients of a step in the order of the memory, by parameter.
std::vector<std::vector<double>> dense_gradients(const GradientView& view, const Tape& tape) {
  std::vector<std::vector<double>> result(tape.parameters().size());
  for (const GradientSlot& slot : view.slots) {
    result[static_cast<size_t>(slot.parameter)] =
        read_values(view.backend, view.values(slot), slot.elements);
  }
  return result;
}

/// torch.optim.SGD and torch.nn.utils.clip_grad_norm_, one value after another.
void check_against_loop(const OptimizerSettings& settings) {
  const Tape tape = testing::tiny_network();
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  Parameters parameters(tape.parameters(), *device);
  testing::fill_random(parameters, 4);
  StepRunner runner(tape, *device, parameters, settings, {kBatch, 2, true, {}}, 2);
  runner.select(testing::every_weight(tape));
  const testing::RandomBatch batch(tape, kBatch, 2);

  std::vector<std::vector<double>> weights, velocities;
  for (size_t i = 0; i < tape.parameters().size(); ++i) {
    const auto count = static_cast<size_t>(tape.parameters()[i].elements);
    const auto* values = static_cast<const double*>(parameters.data(static_cast<ParameterId>(i)));
    weights.emplace_back(values, values + count);
    velocities.emplace_back(count, 0.0);
  }
  std::vector<std::vector<double>> gradients;
  runner.on_gradients([&](const GradientView& view) { gradients = dense_gradients(view, tape); });
  bool clipped = false;
  for (int step = 0; step < kSteps; ++step) {
    const TrainResult result = runner.train(batch.view(), kLearningRate);
    double squares = 0;
    for (const auto& gradient : gradients) {
      for (double g : gradient) squares += g * g;
    }
    const double norm = std::sqrt(squares);
    CHECK(result.gradient_norm == Approx(norm).epsilon(1e-12));
    double factor = 1;
    if (settings.clip_norm > 0) factor = std::min(1.0, settings.clip_norm / (norm + 1e-6));
    clipped = clipped || factor < 1;
    for (size_t i = 0; i < weights.size(); ++i) {
      for (size_t k = 0; k < weights[i].size(); ++k) {
        const double g = factor * gradients[i][k] + settings.weight_decay * weights[i][k];
        velocities[i][k] = settings.momentum * velocities[i][k] + g;
        weights[i][k] -= kLearningRate * velocities[i][k];
      }
    }
  }
  CHECK(clipped == (settings.clip_norm > 0));
  double worst = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto* values = static_cast<const double*>(parameters.data(static_cast<ParameterId>(i)));
    for (size_t k = 0; k < weights[i].size(); ++k) {
      worst = std::max(worst, std::abs(values[k] - weights[i][k]));
    }
  }
  CHECK(worst <= 1e-12);
}

}  // namespace

TEST_CASE("SGD alone and with momentum, weight decay and clipping") {
  check_against_loop({});
  check_against_loop({0.9, 0, 0});
  check_against_loop({0, 0.01, 0});
  check_against_loop({0, 0, 0.3});
  check_against_loop({0.9, 0.01, 0.3});
}

TEST_CASE("The gradient's norm is taken over the packed slices of all layers") {
  const Tape tape = testing::tiny_network();
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  Parameters parameters(tape.parameters(), *device);
  testing::fill_random(parameters, 4);
  StepRunner runner(tape, *device, parameters, {}, {kBatch, 2, true, {}}, 1);
  const testing::RandomBatch batch(tape, kBatch, 2);
  for (uint32_t seed = 0; seed < 5; ++seed) {
    runner.select(testing::mixed_plan(tape, seed));
    double squares = 0;
    for (const auto& [name, gradient] : testing::gradients_of(runner, tape, batch)) {
      for (double g : gradient.values) squares += g * g;
    }
    CHECK(runner.train(batch.view(), 0).gradient_norm == Approx(std::sqrt(squares)).epsilon(1e-12));
  }
}

TEST_CASE("Momentum keeps its values from selection to selection, and refuses slices") {
  const Tape tape = testing::tiny_network();
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  Parameters parameters(tape.parameters(), *device);
  testing::fill_random(parameters, 4);
  const testing::RandomBatch batch(tape, kBatch, 2);
  StepRunner runner(tape, *device, parameters, {0.9, 0, 0}, {kBatch, 2, true, {}}, 1);
  runner.select(testing::every_weight(tape));
  runner.train(batch.view(), 0.1);
  REQUIRE(runner.optimizer().velocity() != nullptr);
  const auto before = testing::values_of(*runner.optimizer().velocity());
  runner.select(testing::every_weight(tape));
  CHECK(testing::values_of(*runner.optimizer().velocity()) == before);
  CHECK(runner.optimizer().state_bytes() == parameters.reserved_bytes());

  UpdatePlan plan = UpdatePlan::head_only(7);
  plan.convs[4] = LayerUpdate::inputs({1});
  runner.select(plan);
  CHECK_THROWS_WITH(runner.train(batch.view(), 0.1),
                    Catch::Contains("b.expand.weight") && Catch::Contains("--momentum 0"));
  CHECK(Optimizer({0, 0.1, 1}, parameters).state_bytes() == 0);
}

}  // namespace trady
