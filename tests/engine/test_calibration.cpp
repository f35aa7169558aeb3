// Batch-norms put back into a network that has them folded in.
#include "engine/calibration.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

constexpr int64_t kBatch = 4;

std::vector<double> logits_of(const Tape& tape, const kernels::Backend& device,
                              Parameters& parameters, const testing::RandomBatch& batch) {
  StepSettings settings{kBatch, kBatch, /*training=*/false};
  settings.logits = true;
  StepRunner runner(tape, device, parameters, {}, settings, 1);
  runner.select(UpdatePlan::head_only(tape.convs().size()));
  runner.evaluate(batch.view());
  return runner.logits();
}

}  // namespace

TEST_CASE("Calibration changes no output, and gathers all batches", "[calibration]") {
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  const Tape folded = testing::residual_network(BatchNormMode::folded);
  const Tape tape = testing::residual_network(BatchNormMode::train);
  Parameters before(folded.parameters(), *device), after(tape.parameters(), *device);
  testing::fill_random(before, 11);
  std::vector<std::vector<double>> biases;
  for (const ConvLayer& conv : tape.convs()) {
    after.set(after.find(conv.name + ".weight"), before.get(before.find(conv.name + ".weight")));
    biases.push_back(before.get(before.find(conv.name + ".bias")));
  }
  for (const char* name : {"classifier.weight", "classifier.bias"}) {
    after.set(after.find(name), before.get(before.find(name)));
  }

  BatchNormCalibration calibration(tape, *device, after, biases, kBatch);
  CHECK_THROWS_WITH(calibration.finish(), Catch::Contains("no batch"));
  for (uint64_t seed = 0; seed < 3; ++seed) {
    calibration.observe(testing::RandomBatch(folded, kBatch, seed).view());
  }
  calibration.finish();

  const testing::RandomBatch other(folded, kBatch, 77);
  CHECK(testing::relative_error(logits_of(tape, *device, after, other),
                                logits_of(folded, *device, before, other)) <= 1e-12);

  // All batches as one give the same mean and variance.
  constexpr int64_t kAll = 3 * kBatch;
  testing::RandomBatch all(folded, 0, 0);
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const testing::RandomBatch part(folded, kBatch, seed);
    all.pixels.insert(all.pixels.end(), part.pixels.begin(), part.pixels.end());
    all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
  }
  Parameters at_once(tape.parameters(), *device);
  for (size_t i = 0; i < tape.parameters().size(); ++i) {
    at_once.set(static_cast<ParameterId>(i), after.get(static_cast<ParameterId>(i)));
  }
  BatchNormCalibration whole(tape, *device, at_once, biases, kAll);
  whole.observe(all.view());
  whole.finish();
  for (const BatchNormLayer& layer : tape.batch_norms()) {
    for (const ParameterId id : {layer.running_mean, layer.running_variance, layer.gamma}) {
      CHECK(testing::relative_error(after.get(id), at_once.get(id)) <= 1e-12);
      CHECK(after.get(id) != std::vector<double>(after.get(id).size(), 0));
    }
  }
}

TEST_CASE("Statistics are observed only where that is planned", "[calibration]") {
  const auto device = kernels::make_reference_backend(kernels::DType::float64);
  const Tape tape = testing::residual_network(BatchNormMode::train);
  Parameters parameters(tape.parameters(), *device);
  testing::fill_random(parameters, 2);
  StepRunner runner(tape, *device, parameters, {}, {kBatch, kBatch, false, {}}, 1);
  runner.select(UpdatePlan::head_only(tape.convs().size()));
  CHECK_THROWS_WITH(runner.observed_statistics(), Catch::Contains("without statistics"));
  CHECK(runner.program().statistics().empty());
}

}  // namespace trady
