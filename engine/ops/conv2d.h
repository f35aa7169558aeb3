// Convolution and linear layer: y = activation(conv(x, W) + b + residual).
//
// Backward computes dW only for the channels that the update plan lists and keeps only those
// channels of x (docs/method.md section 1: dW[:, c] needs nothing but A[:, c]).
//
// With a frozen batch-norm the weight in memory is the merged one, s * W (engine/batch_norm.h).
#pragma once

#include "engine/ops/op.h"

namespace trady {

class Conv2dOp : public Op {
 public:
  struct Geometry {
    kernels::ConvShape shape;  ///< batch 1
    kernels::Activation activation = kernels::Activation::none;
    ParameterId weight = -1;
    ParameterId bias = -1;   ///< -1: none
    ParameterId scale = -1;  ///< of a frozen batch-norm merged into weight and bias; -1: none
    int conv_index = -1;     ///< -1: the classifier, which is always trained whole
    TensorId residual = kNoTensor;
  };
  Conv2dOp(std::string name, TensorId x, TensorId y, const Geometry& geometry);

  LayerUpdate update_in(const UpdatePlan& plan) const override;
  bool keeps_input(const LayerUpdate& update) const override;
  std::vector<int32_t> packs_input(const LayerUpdate& update) const override;
  std::unique_ptr<OpStep> plan(StepPlanner& planner) const override;

 private:
  Geometry geometry_;
};

}  // namespace trady
