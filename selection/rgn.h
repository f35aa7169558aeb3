// Layer RGN (method.md section 1), accumulated while a network trains with all its gradients.
#pragma once

#include <span>
#include <vector>

#include "engine/conv_layer.h"
#include "selection/cost_model.h"

namespace trady {

/// n_c = sqrt(sum over (c', k, l) of dW[c', c, k, l]^2) of every input channel of a dense gradient
/// [out_c][kernel][kernel][in_c]; depthwise [out_c][kernel][kernel], where c is the output channel.
template <typename Real>
std::vector<double> channel_norms(const kernels::ConvShape& shape, const Real* dw);

/// Sums, over the epochs, the mean over an epoch's steps of the step's layer RGN. Since RGN_c is
/// linear in n_c, this is the RGN of the mean step norms, and one number a layer is all it keeps.
class RgnAccumulator {
 public:
  explicit RgnAccumulator(CostModel costs);

  /// Of one conv in one step: the norms of all its input channels.
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
