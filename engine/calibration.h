// Puts batch-norms back into a network whose convolutions have them folded in, without changing
// what it computes (docs/method.md section 6).
#pragma once

#include <memory>
#include <vector>

#include "engine/step/step_runner.h"

namespace trady {

/// Gathers mean and variance of every convolution's output, before its bias, over batches of
/// images, and sets the batch-norms accordingly.
class BatchNormCalibration {
 public:
  /// `tape` has batch-norms in train mode; `parameters` are its own, with weights that have
  /// batch-norms folded in. `biases` are those of the folded convolutions, in the order of
  /// tape.batch_norms(). Until finish() the batch-norms add them and do nothing else.
  BatchNormCalibration(const Tape& tape, const kernels::Backend& backend, Parameters& parameters,
                       std::vector<std::vector<double>> biases, int64_t batch);
  ~BatchNormCalibration();

  /// Exactly `batch` images, their labels do not matter.
  void observe(const BatchView& batch);
  /// Running statistics become mean and variance of all that was observed, gamma and beta such that
  /// a batch-norm still only adds its bias: gamma = sqrt(variance + epsilon), beta = mean + bias.
  /// Throws Error if nothing was observed.
  void finish();

 private:
  struct Sums {
    std::vector<double> mean, square;  ///< of the batches' means and mean squares
  };

  const Tape& tape_;
  Parameters& parameters_;
  std::vector<std::vector<double>> biases_;
  std::unique_ptr<StepRunner> runner_;
  std::vector<Sums> sums_;  ///< by batch-norm
  int64_t batches_ = 0;
};

}  // namespace trady
