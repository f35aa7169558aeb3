// Global average pooling.
#pragma once

#include "engine/ops/op.h"

namespace trady {

/// y[n][c] = mean over the positions of x[n][.][c]. Keeps nothing for backward.
class MeanPoolOp : public Op {
 public:
  MeanPoolOp(TensorId x, TensorId y) : Op("mean_pool", {x}, y) {}
  std::unique_ptr<OpStep> plan(StepPlanner& planner) const override;
};

}  // namespace trady
