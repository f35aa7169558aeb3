// One pass over a data set: training steps, or evaluation.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/data/loader.h"
#include "engine/schedule.h"
#include "engine/step/step_runner.h"

namespace trady {

/// Told after every step; `loss` is the mean since the pass began.
using StepListener = std::function<void(int64_t steps_done, int64_t steps, double loss)>;

struct EpochResult {
  double loss = 0;      ///< mean over the steps, each before its update
  double accuracy = 0;  ///< share of training images classified right, before each update
  int64_t steps = 0;
  double step_seconds = 0;   ///< in steps
  double input_seconds = 0;  ///< waiting for batches
};

/// Trains one epoch with the selection that `runner` holds. Throws Error with advice when the loss
/// is not finite or explodes, Interrupted after Ctrl-C.
EpochResult train_epoch(StepRunner& runner, Loader& loader, const Schedule& schedule, int epoch,
                        const StepListener& listener);

/// Every sample once, in batches of at most the runner's.
EvaluationResult evaluate_all(StepRunner& runner, Loader& loader, const StepListener& listener);

}  // namespace trady
