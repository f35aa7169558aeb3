#include "engine/step/step_program.h"

#include "engine/error.h"

namespace trady {

StepProgram::StepProgram(const Tape& tape, UpdatePlan update, const kernels::Backend& backend,
                         KernelCache& kernels, const StepSettings& settings)
    : update_(std::move(update)), settings_(settings) {
  if (update_.convs.size() != tape.convs().size()) {
    fail("[step] the update plan has ", update_.convs.size(), " layers, the network ",
         tape.convs().size(), " convolutions");
  }
  StepPlanner planner(tape, update_, backend, kernels, settings_);
  const int op_count = static_cast<int>(tape.ops().size());
  for (int i = 0; i < op_count; ++i) {
    planner.enter_forward(i);
    steps_.push_back(tape.ops()[static_cast<size_t>(i)]->plan(planner));
  }
  for (int i = op_count - 1; i >= 0; --i) {
    const TensorId output = tape.ops()[static_cast<size_t>(i)]->output();
    if (output == kNoTensor || !planner.needs_gradient(output)) continue;
    planner.enter_backward(i);
    steps_[static_cast<size_t>(i)]->plan_backward(planner);
    backward_order_.push_back(i);
  }
  slots_ = std::move(planner.gradient_slots());
  residents_ = std::move(planner.resident_weights());
  shared_ = std::move(planner.shared_plan());
  lane_ = std::move(planner.lane_plan());

  const auto result = [&](const char* name, int64_t bytes_each) {
    const BufferId id = shared_.add(name, MemoryCategory::batch, bytes_each * settings_.batch);
    shared_.use(id, 0);
    return id;
  };
  labels_ = result("labels", sizeof(int32_t));
  losses_ = result("losses", sizeof(double));
  predictions_ = result("predictions", sizeof(int32_t));
  lane_.place();
  shared_.place();
}

Work StepProgram::work() const {
  Work sum;
  for (const auto& step : steps_) sum += step->work();
  return sum;
}

void StepProgram::forward(LaneRun& run, ArenaView& lane) const {
  for (size_t i = 0; i < steps_.size(); ++i) {
    lane.begin(static_cast<int>(i));
    steps_[i]->forward(run);
    lane.end(static_cast<int>(i));
  }
}

void StepProgram::backward(LaneRun& run, ArenaView& lane) const {
  for (int index : backward_order_) {
    const int time = 2 * static_cast<int>(steps_.size()) - 1 - index;
    lane.begin(time);
    steps_[static_cast<size_t>(index)]->backward(run);
    lane.end(time);
  }
}

}  // namespace trady
