// Stochastic gradient descent on the slices that were selected, in place.
#pragma once

#include <memory>
#include <vector>

#include "engine/memory/arena.h"
#include "engine/parameters.h"
#include "engine/step/step_planner.h"
#include "kernels/backend.h"

namespace trady {

/// PyTorch's torch.optim.SGD and clip_grad_norm_. The paper's recipe uses none of these: state of
/// the optimizer would break the budget (docs/method.md section 6), and pretraining has no budget.
struct OptimizerSettings {
  double momentum = 0;
  double weight_decay = 0;
  double clip_norm = 0;  ///< upper bound of the gradient's norm over all parameters; 0: none
  bool operator==(const OptimizerSettings&) const = default;
};

class Optimizer {
 public:
  Optimizer(const OptimizerSettings& settings, const Parameters& parameters);

  /// Momentum of every parameter, or null: part of a resumable checkpoint.
  Parameters* velocity() { return velocity_.get(); }
  /// Bytes of the state.
  int64_t state_bytes() const { return velocity_ ? velocity_->reserved_bytes() : 0; }

  /// L2 norm of the gradient over all slots.
  static double gradient_norm(const kernels::Backend& backend,
                              const std::vector<GradientSlot>& slots, const ArenaView& shared);
  /// w -= learning_rate * v for the slices of every slot, in place, where, as in PyTorch,
  ///   g = gradient, scaled to clip_norm if `norm` (gradient_norm of these sums) is above it,
  ///   g += weight_decay * w,  v = momentum * v + g  (v = g without momentum).
  /// The sums in `shared` are overwritten where clipping or decay changes them. Throws Error if
  /// momentum or weight decay meets a slot that is not a whole parameter.
  void apply(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
             const ArenaView& shared, double norm, double learning_rate, Parameters& parameters);

 private:
  void apply_with_momentum(const kernels::Backend& backend, const GradientSlot& slot,
                           void* gradient, double learning_rate, Parameters& parameters);

  OptimizerSettings settings_;
  std::unique_ptr<Parameters> velocity_;
};

}  // namespace trady
