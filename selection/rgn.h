// Layer RGN (docs/method.md section 1), accumulated while a network trains with all its gradients.
#pragma once

#include <span>
#include <vector>

#include "selection/cost_model.h"

namespace trady {

/// Sums, over the epochs, the mean over an epoch's steps of the step's layer RGN. Since RGN_c is
/// linear in n_c, this is the RGN of the mean step norms, and one number a layer is all it keeps.
class RgnAccumulator {
 public:
  explicit RgnAccumulator(CostModel costs);

  /// Of one conv in one step: n_c of all its input channels, where n_c is the norm of dW[:, c], and
  /// of dW[c] for a depthwise conv.
  void add(int conv, std::span<const double> norms);
  /// Error unless every conv was added exactly once since the last step.
  void end_step();
  /// Error if the epoch had no step.
  void end_epoch();

  /// By conv index; what `make_ranking` takes.
  const std::vector<double>& layer_rgn() const { return total_; }

 private:
  CostModel costs_;
  std::vector<double> epoch_sum_;
  std::vector<double> total_;
  std::vector<bool> added_;
  int steps_ = 0;
};

}  // namespace trady
