#include "engine/ops/mean_pool.h"

#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

namespace {

class MeanPoolStep : public OpStep {
 public:
  MeanPoolStep(StepPlanner& planner, TensorId x, TensorId y)
      : input_(x),
        output_(y),
        shape_(planner.tape().shape(x)),
        micro_batch_(planner.micro_batch()),
        x_(planner.read(x)),
        y_(planner.write(y)) {}

  void plan_backward(StepPlanner& planner) override {
    if (!planner.needs_gradient(input_)) return;
    dy_ = planner.gradient(output_);
    dx_ = planner.overwrite_gradient(input_);
  }
  void forward(LaneRun& run) const override {
    run.backend().mean_pool_forward(run.at(x_), micro_batch_, shape_.positions(), shape_.c,
                                    run.at(y_));
  }
  void backward(LaneRun& run) const override {
    if (!dy_.valid()) return;
    run.backend().mean_pool_backward(run.at(dy_), micro_batch_, shape_.positions(), shape_.c,
                                     run.at(dx_.buffer));
    run.finish_gradient(dx_);
  }

 private:
  TensorId input_, output_;
  TensorShape shape_;
  int64_t micro_batch_;
  BufferId x_, y_, dy_;
  StepPlanner::OwnGradient dx_;
};

}  // namespace

std::unique_ptr<OpStep> MeanPoolOp::plan(StepPlanner& planner) const {
  return std::make_unique<MeanPoolStep>(planner, inputs().front(), output());
}

}  // namespace trady
