#include "engine/ops/mean_pool.h"

#include <tuple>

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
    std::tie(dx_, mode_) = planner.write_gradient(input_);
    if (mode_ == kernels::GradientMode::accumulate) {
      share_ = planner.temporary("dx of mean_pool", MemoryCategory::activation_gradients,
                                 planner.scalar_bytes() * elements());
    }
  }
  void forward(LaneRun& run) const override {
    run.backend().mean_pool_forward(run.at(x_), micro_batch_, shape_.positions(), shape_.c,
                                    run.at(y_));
  }
  void backward(LaneRun& run) const override {
    if (!dx_.valid()) return;
    const bool adds = mode_ == kernels::GradientMode::accumulate;
    void* out = run.at(adds ? share_ : dx_);
    run.backend().mean_pool_backward(run.at(dy_), micro_batch_, shape_.positions(), shape_.c, out);
    if (adds) run.backend().add(out, elements(), run.at(dx_));
  }

 private:
  int64_t elements() const { return micro_batch_ * shape_.elements(); }

  TensorId input_, output_;
  TensorShape shape_;
  int64_t micro_batch_;
  BufferId x_, y_, dy_, dx_;
  kernels::GradientMode mode_ = kernels::GradientMode::overwrite;
  BufferId share_;  // what is added to dx where another reader of x has written it before
};

}  // namespace

std::unique_ptr<OpStep> MeanPoolOp::plan(StepPlanner& planner) const {
  return std::make_unique<MeanPoolStep>(planner, inputs().front(), output());
}

}  // namespace trady
