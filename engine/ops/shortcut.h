// The shortcut without parameters of the CIFAR ResNets (He et al., CVPR 2016, option A).
#pragma once

#include "engine/ops/op.h"

namespace trady {

/// Every stride-th pixel of x, its channels in the middle of y's, zeros around them. Keeps nothing
/// for backward.
class ShortcutOp : public Op {
 public:
  ShortcutOp(TensorId x, TensorId y, const kernels::ShortcutShape& shape)
      : Op("shortcut", {x}, y), shape_(shape) {}
  std::unique_ptr<OpStep> plan(StepPlanner& planner) const override;

 private:
  kernels::ShortcutShape shape_;  // batch 1
};

}  // namespace trady
