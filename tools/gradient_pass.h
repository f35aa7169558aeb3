// One epoch's gradient without an update, for the methods that select by it.
#pragma once

#include <vector>

#include "engine/trainer.h"
#include "engine/update_plan.h"

namespace trady::tools {

/// What the steps of such a pass compute: the whole dW of these convs.
UpdatePlan gradient_pass_plan(const std::vector<int>& convs, size_t conv_count);

/// Bytes that the sums over the batches take, on the host, beside what a step reserves.
int64_t gradient_sum_bytes(const Tape& tape, const std::vector<int>& convs);

struct GradientPass {
  /// n_c of the mean gradient over the epoch's batches, by conv index; empty for convs not asked
  /// for (selection/selection_probe.h).
  std::vector<std::vector<double>> norms;
  /// Measured at the fullest moment: what the steps reserved, and the sums.
  int64_t reserved_bytes = 0;
  int64_t steps = 0;
};

/// Runs the steps of `epoch` with learning rate 0 and adds up their gradients in float64, batch
/// after batch, so that the number of workers changes no bit. Running statistics of batch-norms are
/// put back afterwards. The pass takes the place of the runner's selection; select again. Throws
/// Interrupted after Ctrl-C, and Error if the pass is beyond the runner's memory limit or a
/// gradient is not finite.
GradientPass run_gradient_pass(StepRunner& runner, const Tape& tape, Parameters& parameters,
                               Loader& loader, const std::vector<int>& convs, int epoch,
                               const StepListener& listener);

}  // namespace trady::tools
