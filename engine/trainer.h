// One pass over a data set: training steps, or evaluation.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/data/loader.h"
#include "engine/interrupt.h"
#include "engine/schedule.h"
#include "engine/step/step_runner.h"

namespace trady {

/// A loader's batch as steps take it.
BatchView view_of(const Batch& batch);

/// Where a pass stands after a step; loss and accuracy are means since the pass began.
struct PassProgress {
  int64_t steps_done = 0, steps = 0;
  double loss = 0, accuracy = 0;
};
/// Told after every step.
using StepListener = std::function<void(const PassProgress&)>;

/// What an epoch, or the steps of it that are done, came to.
struct EpochResult {
  double loss = 0;                  ///< mean over the steps, each before its update
  int64_t correct = 0, images = 0;  ///< classified right before each update, of how many
  int64_t steps = 0;
  double step_seconds = 0;   ///< in steps
  double input_seconds = 0;  ///< waiting for batches

  double accuracy() const {
    return static_cast<double>(correct) / static_cast<double>(images > 0 ? images : 1);
  }
};

/// Ctrl-C in an epoch of training: every step that was begun has ended and is in `done`.
class EpochInterrupted : public Interrupted {
 public:
  explicit EpochInterrupted(const EpochResult& steps)
      : Interrupted("interrupted during training"), done(steps) {}
  EpochResult done;
};

/// Trains one epoch with the selection that `runner` holds; `epoch` counts from 0 and decides
/// order, augmentation and, with the schedule, the learning rates. Where `done` has steps of this
/// epoch it goes on behind them, and the result is that of all. Throws EpochInterrupted, and Error
/// with advice when training diverges: at once when the loss or the gradient is not finite, else
/// after 5 steps in a row, this epoch's or of the ones before with this runner, whose loss is above
/// high_loss().
EpochResult train_epoch(StepRunner& runner, Loader& loader, const Schedule& schedule, int epoch,
                        const StepListener& listener, const EpochResult& done = {});

/// Every sample once, in batches of at most the runner's. Throws Interrupted after Ctrl-C.
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
