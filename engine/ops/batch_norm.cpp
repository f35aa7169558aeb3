#include "engine/ops/batch_norm.h"

#include "engine/error.h"
#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

namespace {

class BatchNormStep : public OpStep {
 public:
  BatchNormStep(StepPlanner& planner, const BatchNormOp& op, const BatchNormLayer& layer,
                kernels::Activation activation, TensorId residual);

  void plan_backward(StepPlanner& planner) override;
  void forward(LaneRun& run) const override;
  void backward(LaneRun& run) const override;

 private:
  kernels::BatchNormBuffers buffers(const LaneRun& run, bool of_the_batch) const;

  const BatchNormLayer& layer_;
  TensorId input_, output_, residual_tensor_;
  kernels::Activation activation_;
  int64_t positions_, channels_;
  BufferId z_, y_, residual_, mask_;
  BatchStatistics statistics_;
  bool observes_;  // computes them without using them

  BufferId dy_, dz_;
  BufferId dy_mask_;  // to be applied, where whoever wrote dy has not
  GradientTarget dgamma_, dbeta_;
  BufferId residual_gradient_;  // set only where the gradient has to be added
};

BatchNormStep::BatchNormStep(StepPlanner& planner, const BatchNormOp& op,
                             const BatchNormLayer& layer, kernels::Activation activation,
                             TensorId residual)
    : layer_(layer),
      input_(op.inputs().front()),
      output_(op.output()),
      residual_tensor_(residual),
      activation_(activation),
      positions_(planner.micro_batch() * planner.tape().shape(output_).positions()),
      channels_(planner.tape().shape(output_).c),
      z_(planner.read(input_)),
      observes_(planner.observes_statistics()) {
  const bool trains = planner.needs_gradient(output_);
  if ((trains || observes_) && planner.micro_batch() != planner.batch()) {
    fail("[batch_norm] ", layer.name, ": statistics are those of a whole batch of ",
         planner.batch(), ", the micro-batch is ", planner.micro_batch(),
         "; use --batch-norm frozen for micro-batches");
  }
  if (residual != kNoTensor) {
    residual_ = planner.read(residual);
    y_ = planner.write_over(output_, residual);
  } else {
    y_ = planner.write(output_);
  }
  if (!trains && !observes_) return;
  statistics_ = planner.batch_statistics(layer, positions_, channels_);
  mask_ = planner.make_mask(output_, activation);
}

void BatchNormStep::plan_backward(StepPlanner& planner) {
  dy_ = planner.gradient(output_);
  planner.keep(z_);
  dy_mask_ = planner.untaken_mask(output_);
  const auto slot_of = [&](ParameterId parameter) {
    GradientSlot slot;
    slot.parameter = parameter;
    slot.shape.out_c = channels_;
    slot.is_bias = true;
    slot.elements = channels_;
    return planner.gradient_slot(std::move(slot));
  };
  dgamma_ = slot_of(layer_.gamma);
  dbeta_ = slot_of(layer_.beta);
  bool dy_is_passed_on = false;
  if (residual_tensor_ != kNoTensor && planner.needs_gradient(residual_tensor_)) {
    dy_is_passed_on = planner.share_gradient(output_, residual_tensor_);
    if (!dy_is_passed_on) residual_gradient_ = planner.write_gradient(residual_tensor_).first;
  }
  if (!planner.needs_gradient(input_)) return;
  // In place where nobody needs dy afterwards: z has no other reader.
  dz_ = !dy_is_passed_on && planner.share_gradient(output_, input_)
            ? dy_
            : planner.write_gradient(input_).first;
}

kernels::BatchNormBuffers BatchNormStep::buffers(const LaneRun& run, bool of_the_batch) const {
  kernels::BatchNormBuffers buffers;
  buffers.z = run.at(z_);
  buffers.mean = of_the_batch ? run.shared(statistics_.mean) : run.parameter(layer_.running_mean);
  buffers.variance =
      of_the_batch ? run.shared(statistics_.variance) : run.parameter(layer_.running_variance);
  buffers.gamma = run.parameter(layer_.gamma);
  buffers.beta = run.parameter(layer_.beta);
  buffers.epsilon = layer_.epsilon;
  return buffers;
}

void BatchNormStep::forward(LaneRun& run) const {
  if (run.inputs.training || observes_) {
    run.backend().batch_statistics(run.at(z_), positions_, channels_, run.shared(statistics_.mean),
                                   run.shared(statistics_.variance));
  }
  run.backend().batch_norm_forward(buffers(run, run.inputs.training), positions_, channels_,
                                   activation_, run.at(residual_), run.at(y_),
                                   static_cast<uint8_t*>(run.at(mask_)));
}

void BatchNormStep::backward(LaneRun& run) const {
  void* dy = run.at(dy_);
  if (dy_mask_.valid()) {
    run.backend().apply_mask(dy, static_cast<const uint8_t*>(run.at(dy_mask_)),
                             positions_ * channels_);
  }
  if (residual_gradient_.valid()) {
    run.backend().add(dy, positions_ * channels_, run.at(residual_gradient_));
  }
  const kernels::BatchNormBuffers of_the_batch = buffers(run, true);
  run.backend().batch_norm_grad_parameters(of_the_batch, dy, positions_, channels_,
                                           run.gradient(dgamma_), run.gradient(dbeta_));
  if (dz_.valid()) {
    run.backend().batch_norm_grad_input(of_the_batch, dy, run.gradient(dgamma_),
                                        run.gradient(dbeta_), positions_, channels_, run.at(dz_));
  }
  run.add_gradient(dgamma_);
  run.add_gradient(dbeta_);
}

}  // namespace

BatchNormOp::BatchNormOp(const BatchNormLayer& layer, TensorId z, TensorId y,
                         kernels::Activation activation, TensorId residual)
    : Op(layer.name,
         residual == kNoTensor ? std::vector<TensorId>{z} : std::vector<TensorId>{z, residual}, y),
      layer_(layer),
      activation_(activation),
      residual_(residual) {}

std::unique_ptr<OpStep> BatchNormOp::plan(StepPlanner& planner) const {
  return std::make_unique<BatchNormStep>(planner, *this, layer_, activation_, residual_);
}

}  // namespace trady
