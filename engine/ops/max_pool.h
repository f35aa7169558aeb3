// Max pooling.
#pragma once

#include "engine/ops/op.h"

namespace trady {

/// y = the largest of each window. Keeps one byte a window for backward, and not its input: which
/// of the window's elements won.
class MaxPoolOp : public Op {
 public:
  MaxPoolOp(TensorId x, TensorId y, const kernels::MaxPoolShape& shape)
      : Op("max_pool", {x}, y), shape_(shape) {}
  std::unique_ptr<OpStep> plan(StepPlanner& planner) const override;

 private:
  kernels::MaxPoolShape shape_;  // batch 1
};

}  // namespace trady
