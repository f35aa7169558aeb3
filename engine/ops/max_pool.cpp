#include "engine/ops/max_pool.h"

#include "engine/step/lane_run.h"
#include "engine/step/step_planner.h"

namespace trady {

namespace {

class MaxPoolStep : public OpStep {
 public:
  MaxPoolStep(StepPlanner& planner, TensorId x, TensorId y, const kernels::MaxPoolShape& shape)
      : input_(x), output_(y), shape_(shape), x_(planner.read(x)), y_(planner.write(y)) {
    shape_.batch = planner.micro_batch();
    if (planner.needs_gradient(x)) {
      winner_ = planner.buffer_from_now("winners of max_pool", MemoryCategory::masks,
                                        planner.micro_batch() * planner.tape().shape(y).elements());
    }
  }

  void plan_backward(StepPlanner& planner) override {
    if (!planner.needs_gradient(input_)) return;
    planner.keep(winner_);
    dy_ = planner.gradient(output_);
    dx_ = planner.overwrite_gradient(input_);
  }
  void forward(LaneRun& run) const override {
    run.backend().max_pool_forward(shape_, run.at(x_), run.at(y_),
                                   static_cast<uint8_t*>(run.at(winner_)));
  }
  void backward(LaneRun& run) const override {
    if (!winner_.valid()) return;
    run.backend().max_pool_backward(
        shape_, run.at(dy_), static_cast<const uint8_t*>(run.at(winner_)), run.at(dx_.buffer));
    run.finish_gradient(dx_);
  }

 private:
  TensorId input_, output_;
  kernels::MaxPoolShape shape_;
  BufferId x_, y_, winner_, dy_;
  StepPlanner::OwnGradient dx_;
};

}  // namespace

std::unique_ptr<OpStep> MaxPoolOp::plan(StepPlanner& planner) const {
  return std::make_unique<MaxPoolStep>(planner, inputs().front(), output(), shape_);
}

}  // namespace trady
