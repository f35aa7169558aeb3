#include "engine/ops/shortcut.h"

#include <tuple>

#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

namespace {

class ShortcutStep : public OpStep {
 public:
  ShortcutStep(StepPlanner& planner, TensorId x, TensorId y, const kernels::ShortcutShape& shape)
      : input_(x), output_(y), shape_(shape), x_(planner.read(x)), y_(planner.write(y)) {
    shape_.batch = planner.micro_batch();
  }

  void plan_backward(StepPlanner& planner) override {
    if (!planner.needs_gradient(input_)) return;
    dy_ = planner.gradient(output_);
    std::tie(dx_, mode_) = planner.write_gradient(input_);
  }
  void forward(LaneRun& run) const override {
    run.backend().shortcut_forward(shape_, run.at(x_), run.at(y_));
  }
  void backward(LaneRun& run) const override {
    if (!dx_.valid()) return;
    run.backend().shortcut_backward(shape_, run.at(dy_), run.at(dx_), mode_);
  }

 private:
  TensorId input_, output_;
  kernels::ShortcutShape shape_;
  BufferId x_, y_, dy_, dx_;
  kernels::GradientMode mode_ = kernels::GradientMode::overwrite;
};

}  // namespace

std::unique_ptr<OpStep> ShortcutOp::plan(StepPlanner& planner) const {
  return std::make_unique<ShortcutStep>(planner, inputs().front(), output(), shape_);
}

}  // namespace trady
