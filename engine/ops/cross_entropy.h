// The last op: the mean softmax cross-entropy of the batch, and its gradient.
#pragma once

#include "engine/ops/op.h"

namespace trady {

/// Writes every sample's loss and prediction; the gradient of the logits is scaled by 1 / batch, so
/// that the micro-batches' gradients add up to the gradient of the batch's mean.
class CrossEntropyOp : public Op {
 public:
  explicit CrossEntropyOp(TensorId logits) : Op("cross_entropy", {logits}, kNoTensor) {}
  std::unique_ptr<OpStep> plan(StepPlanner& planner) const override;
};

}  // namespace trady
