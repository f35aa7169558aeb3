// One pass over a data set: training steps, or evaluation.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/data/loader.h"
#include "engine/schedule.h"
#include "engine/step/step_runner.h"

namespace trady {

/// A loader's batch as steps take it.
BatchView view_of(const Batch& batch);

/// Told after every step; `loss` is the mean since the pass began.
using StepListener = std::function<void(int64_t steps_done, int64_t steps, double loss)>;

struct EpochResult {
  double loss = 0;      ///< mean over the steps, each before its update
  double accuracy = 0;  ///< share of training images classified right, before each update
  int64_t steps = 0;
  double step_seconds = 0;   ///< in steps
  double input_seconds = 0;  ///< waiting for batches
};

/// Trains one epoch with the selection that `runner` holds; `epoch` counts from 0 and decides
/// order, augmentation and, with the schedule, the learning rates. Throws Interrupted after Ctrl-C,
/// and Error with advice when training diverges: at once when the loss or the gradient is not
/// finite, else after 5 steps in a row, this epoch's or of the ones before with this runner, whose
/// loss is above high_loss().
EpochResult train_epoch(StepRunner& runner, Loader& loader, const Schedule& schedule, int epoch,
                        const StepListener& listener);

/// Every sample once, in batches of at most the runner's.
EvaluationResult evaluate_all(StepRunner& runner, Loader& loader, const StepListener& listener);

/// Mean losses around the updates of one epoch.
struct EpochLosses {
  double training = 0;
  std::optional<double> validation, test;  ///< where there is such a set
};

/// To be called before anything of an epoch is saved. Throws Error with advice if training diverged
/// in its last steps, which train_epoch() cannot see: a loss is not finite or above high_loss(), or
/// a parameter is not finite or beyond 1e10 in magnitude.
void require_no_divergence(int epoch, const EpochLosses& losses, const Parameters& parameters,
                           int64_t classes);

}  // namespace trady
