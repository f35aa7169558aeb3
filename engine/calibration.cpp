#include "engine/calibration.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace trady {

namespace {

StepSettings observing(int64_t batch) {
  StepSettings settings;
  settings.batch = settings.micro_batch = batch;
  settings.training = false;
  settings.observes_statistics = true;
  return settings;
}

}  // namespace

BatchNormCalibration::BatchNormCalibration(const Tape& tape, const kernels::Backend& backend,
                                           Parameters& parameters,
                                           std::vector<std::vector<double>> biases, int64_t batch)
    : tape_(tape),
      parameters_(parameters),
      biases_(std::move(biases)),
      sums_(tape.batch_norms().size()) {
  for (size_t i = 0; i < sums_.size(); ++i) {
    const BatchNormLayer& layer = tape.batch_norms()[i];
    parameters.fill(layer.gamma, 1);
    parameters.set(layer.beta, biases_.at(i));
    parameters.fill(layer.running_mean, 0);
    parameters.fill(layer.running_variance, 1 - layer.epsilon);
    sums_[i].mean.assign(biases_[i].size(), 0);
    sums_[i].square.assign(biases_[i].size(), 0);
  }
  runner_ = std::make_unique<StepRunner>(tape, backend, parameters, OptimizerSettings{},
                                         observing(batch), /*workers=*/1);
  runner_->select(UpdatePlan::head_only(tape.convs().size()));
}

BatchNormCalibration::~BatchNormCalibration() = default;

void BatchNormCalibration::observe(const BatchView& batch) {
  runner_->evaluate(batch);
  const std::vector<StepRunner::Observed> observed = runner_->observed_statistics();
  for (size_t i = 0; i < sums_.size(); ++i) {
    for (size_t c = 0; c < sums_[i].mean.size(); ++c) {
      const double mean = observed[i].mean[c];
      sums_[i].mean[c] += mean;
      sums_[i].square[c] += observed[i].variance[c] + mean * mean;
    }
  }
  ++batches_;
}

void BatchNormCalibration::finish() {
  if (batches_ == 0) fail("[calibration] no batch of images was observed");
  const auto count = static_cast<double>(batches_);
  for (size_t i = 0; i < sums_.size(); ++i) {
    const BatchNormLayer& layer = tape_.batch_norms()[i];
    std::vector<double> mean = sums_[i].mean, variance = sums_[i].square;
    std::vector<double> gamma(mean.size()), beta(mean.size());
    for (size_t c = 0; c < mean.size(); ++c) {
      mean[c] /= count;
      variance[c] = std::max(0.0, variance[c] / count - mean[c] * mean[c]);
      gamma[c] = std::sqrt(variance[c] + layer.epsilon);
      beta[c] = mean[c] + biases_[i][c];
    }
    parameters_.set(layer.running_mean, mean);
    parameters_.set(layer.running_variance, variance);
    parameters_.set(layer.gamma, gamma);
    parameters_.set(layer.beta, beta);
  }
}

}  // namespace trady
