#include "engine/ops/image.h"

#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

namespace {

class ImageStep : public OpStep {
 public:
  ImageStep(StepPlanner& planner, const Normalization& normalization, TensorId output)
      : normalization_(normalization),
        image_positions_(planner.tape().shape(output).positions()),
        micro_batch_(planner.micro_batch()),
        x_(planner.write(output)) {}

  void plan_backward(StepPlanner&) override {}
  void forward(LaneRun& run) const override {
    // The last micro-batch of an evaluation may be short: what it lacks are zeros.
    if (run.inputs.images < micro_batch_) {
      run.backend().zero(run.at(x_), micro_batch_ * image_positions_ * 3);
    }
    run.backend().normalize(run.inputs.pixels, run.inputs.images * image_positions_,
                            normalization_.mean.data(), normalization_.std.data(), run.at(x_));
  }
  void backward(LaneRun&) const override {}

 private:
  Normalization normalization_;
  int64_t image_positions_, micro_batch_;
  BufferId x_;
};

}  // namespace

std::unique_ptr<OpStep> ImageOp::plan(StepPlanner& planner) const {
  return std::make_unique<ImageStep>(planner, normalization_, output());
}

}  // namespace trady
