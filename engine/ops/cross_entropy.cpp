#include "engine/ops/cross_entropy.h"

#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

namespace {

class CrossEntropyStep : public OpStep {
 public:
  CrossEntropyStep(StepPlanner& planner, TensorId logits)
      : micro_batch_(planner.micro_batch()),
        classes_(planner.tape().shape(logits).elements()),
        scale_(1.0 / static_cast<double>(planner.batch())),
        logits_(planner.read(logits)) {
    if (planner.needs_gradient(logits)) dlogits_ = planner.write_gradient(logits).first;
  }

  void plan_backward(StepPlanner&) override {}  // forward has computed the gradient already
  void forward(LaneRun& run) const override {
    kernels::CrossEntropyBuffers buffers;
    buffers.logits = run.at(logits_);
    buffers.labels = run.inputs.labels;
    buffers.dlogits = run.at(dlogits_);
    buffers.loss = run.inputs.loss;
    buffers.predicted = run.inputs.predicted;
    run.backend().cross_entropy(buffers, micro_batch_, classes_, scale_);
    if (run.inputs.logits) {
      run.backend().copy(buffers.logits, micro_batch_ * classes_, run.inputs.logits);
    }
  }
  void backward(LaneRun&) const override {}

 private:
  int64_t micro_batch_, classes_;
  double scale_;
  BufferId logits_, dlogits_;
};

}  // namespace

std::unique_ptr<OpStep> CrossEntropyOp::plan(StepPlanner& planner) const {
  return std::make_unique<CrossEntropyStep>(planner, inputs().front());
}

}  // namespace trady
