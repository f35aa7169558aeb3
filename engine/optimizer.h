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

  /// The squared norm of the gradient over all slots, and what follows from it for the update:
  /// fills control->squared_norm and what Backend::judge decides. All in device memory.
  void judge(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
             const ArenaView& shared, kernels::StepControl* control, int32_t* halted) const;
  /// w -= learning_rate * v for the slices of every slot, in place, where, as in PyTorch,
  ///   g = gradient, scaled to clip_norm if its norm is above that,
  ///   g += weight_decay * w,  v = momentum * v + g  (v = g without momentum);
  /// nothing where control->updates is 0. Throws Error if momentum or weight decay meets a slot
  /// that is not a whole parameter.
  void apply(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
             const ArenaView& shared, const kernels::StepControl* control, Parameters& parameters);

 private:
  void require_whole(const GradientSlot& slot, const ParameterSpec& spec) const;

  OptimizerSettings settings_;
  std::unique_ptr<Parameters> velocity_;
};

}  // namespace trady
