// Batch-norm with the statistics of the batch (docs/method.md section 6, mode `train`):
// y = activation(gamma * (z - mean) / sqrt(variance + epsilon) + beta + residual).
//
// Training keeps its whole input, the output z of a convolution. Evaluation uses the running
// statistics. In mode `frozen` there is no such op: the convolution has it merged.
#pragma once

#include "engine/ops/op.h"

namespace trady {

/// Trains gamma and beta whatever the update plan says, and takes part in the running statistics.
class BatchNormOp : public Op {
 public:
  BatchNormOp(const BatchNormLayer& layer, TensorId z, TensorId y, kernels::Activation activation,
              TensorId residual);

  LayerUpdate update_in(const UpdatePlan&) const override { return LayerUpdate::bias_only(); }
  bool keeps_input(const LayerUpdate& update) const override { return update.updates_anything(); }
  std::unique_ptr<OpStep> plan(StepPlanner& planner) const override;

 private:
  BatchNormLayer layer_;
  kernels::Activation activation_;
  TensorId residual_;
};

}  // namespace trady
