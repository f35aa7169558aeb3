// What tests of whole steps on the CUDA device run: a tiny network, trained on noise.
#pragma once

#include "engine/batch_norm.h"
#include "engine/trainer.h"
#include "tests/engine/tiny_networks.h"
#include "tests/kernels/device_under_test.h"

namespace trady::testing {

constexpr int64_t kBatch = 4;
constexpr double kRate = 0.05;
/// Of whole networks in float32: corners of ReLU6 may flip, sums run in other orders.
constexpr double kNetworkNmse = 1e-9;

/// Images of noise, in three classes.
class Noise : public Dataset {
 public:
  explicit Noise(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return static_cast<int32_t>(index % 3); }
  Image load(int64_t index) const override {
    Image image(13, 11);
    RandomStream random(1, RandomPurpose::initialization, 0, static_cast<uint32_t>(index));
    for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(random.below(256));
    return image;
  }
  std::string sample_name(int64_t index) const override { return "noise " + std::to_string(index); }
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return 0; }

 private:
  int64_t size_;
  std::vector<std::string> class_names_{"a", "b", "c"};
};

inline StepSettings settings_of(int64_t micro_batch, bool decoded_images) {
  StepSettings settings;
  settings.decoded_images = decoded_images;
  settings.batch = kBatch;
  settings.micro_batch = micro_batch;
  settings.batches_in_flight = 2;
  return settings;
}

/// A tiny network on one device.
struct Run {
  explicit Run(const kernels::Backend& device, int64_t micro_batch = kBatch,
               const OptimizerSettings& optimizer = {}, bool decoded_images = false,
               Tape network = tiny_network())
      : tape(std::move(network)),
        parameters(tape.parameters(), device),
        runner(tape, device, parameters, optimizer, settings_of(micro_batch, decoded_images), 1),
        batch(tape, kBatch, 5) {
    fill_random(parameters, 3);
    fill_batch_norms(tape, parameters);
  }
  /// Epochs of six steps, each with a selection of its own.
  EpochResult train(const std::function<UpdatePlan(const Tape&, uint32_t)>& plan_of,
                    int epochs = 3) {
    LoaderOptions options;
    options.transform = {static_cast<int>(tape.image_size()), Recipe::standard};
    if (runner.takes_decoded_images()) options.output = LoaderOutput::images;
    options.batch_size = kBatch;
    Loader loader(std::make_shared<DecodedCache>(std::make_shared<Noise>(6 * kBatch),
                                                 std::make_shared<CacheBudget>(0)),
                  options);
    EpochResult last;
    for (int epoch = 0; epoch < epochs; ++epoch) {
      runner.select(plan_of(tape, static_cast<uint32_t>(epoch)));
      last = train_epoch(runner, loader, {kRate, 6, 6 * epochs}, epoch, nullptr);
      evaluated += evaluate_all(runner, loader, nullptr);
      CHECK(runner.measured() == runner.planned());
    }
    return last;
  }
  std::vector<double> weights() const {
    std::vector<double> all;
    for (const auto& values : values_of(parameters)) {
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  const Tape tape;
  Parameters parameters;
  StepRunner runner;
  RandomBatch batch;
  EvaluationResult evaluated;
};

/// Gradients, bytes and the loss under `plan` are those of the same network on the reference.
inline void check_step(Run& run, Run& exact, const UpdatePlan& plan) {
  exact.runner.select(plan);
  run.runner.select(plan);
  const Gradients expected = gradients_of(exact.runner, exact.tape, exact.batch);
  const Gradients actual = gradients_of(run.runner, run.tape, run.batch);
  REQUIRE(actual.size() == expected.size());
  for (const auto& [name, gradient] : expected) {
    INFO(name);
    CHECK(nmse(actual.at(name).values, gradient.values) <= kNetworkNmse);
  }
  CHECK(run.runner.measured() == run.runner.planned());
  CHECK(run.runner.evaluate(run.batch.view()).loss_sum ==
        Approx(exact.runner.evaluate(exact.batch.view()).loss_sum).epsilon(1e-5));
}

inline std::vector<double> difference(std::vector<double> a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

}  // namespace trady::testing
