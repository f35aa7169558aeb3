#include "engine/ops/image.h"

#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

namespace {

class ImageStep : public OpStep {
 public:
  ImageStep(StepPlanner& planner, const Normalization& normalization, TensorId output)
      : normalization_(normalization),
        positions_(planner.micro_batch() * planner.tape().shape(output).positions()),
        x_(planner.write(output)) {}

  void plan_backward(StepPlanner&) override {}
  void forward(LaneRun& run) const override {
    run.backend().normalize(run.inputs.pixels, positions_, normalization_.mean.data(),
                            normalization_.std.data(), run.at(x_));
  }
  void backward(LaneRun&) const override {}

 private:
  Normalization normalization_;
  int64_t positions_;
  BufferId x_;
};

}  // namespace

std::unique_ptr<OpStep> ImageOp::plan(StepPlanner& planner) const {
  return std::make_unique<ImageStep>(planner, normalization_, output());
}

}  // namespace trady
