#include "engine/step/step_program.h"

#include "engine/error.h"
#include "kernels/trace.h"

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
    names_.push_back(tape.ops()[static_cast<size_t>(i)]->name());
  }
  for (int i = op_count - 1; i >= 0; --i) {
    const TensorId output = tape.ops()[static_cast<size_t>(i)]->output();
    if (output == kNoTensor || !planner.needs_gradient(output)) continue;
    planner.enter_backward(i);
    steps_[static_cast<size_t>(i)]->plan_backward(planner);
    backward_order_.push_back(i);
  }
  tensors_ = std::move(planner.tensors());
  slots_ = std::move(planner.gradient_slots());
  residents_ = std::move(planner.resident_weights());
  selection_data_ = std::move(planner.selection_data());
  statistics_ = std::move(planner.statistics());
  shared_ = std::move(planner.shared_plan());
  lane_ = std::move(planner.lane_plan());

  plan_batches(tape, backend);
  lane_.place();
  shared_.place();
}

void StepProgram::plan_batches(const Tape& tape, const kernels::Backend& backend) {
  const auto block = [&](const std::string& name, int64_t bytes) {
    const BufferId id = shared_.add(name, MemoryCategory::batch, bytes);
    shared_.use(id, 0);
    return id;
  };
  layout_.batch = settings_.batch;
  layout_.image_size = static_cast<int>(tape.image_size());
  if (!backend.on_host()) {
    layout_.images = settings_.decoded_images ? ImageForm::decoded : ImageForm::pixels;
  }
  if (layout_.images == ImageForm::decoded) {
    pixels_ = block("pixels", settings_.batch * layout_.pixel_bytes());
    image_scratch_ =
        block("image scratch", backend.image_scratch_bytes(settings_.batch, layout_.image_size));
  }
  for (int i = 0; i < settings_.batches_in_flight; ++i) {
    batches_.push_back(block(concat("batch ", i), layout_.bytes()));
  }
  halted_ = block("halted", sizeof(int32_t));
  losses_ = block("losses", settings_.batch * int64_t{sizeof(double)});
  predictions_ = block("predictions", settings_.batch * int64_t{sizeof(int32_t)});
  if (settings_.logits) {
    logits_ =
        block("logits", settings_.batch * tape.classes() * kernels::bytes_of(backend.dtype()));
  }
}

void StepProgram::upload_selection(const kernels::Backend& backend, const ArenaView& shared) const {
  for (const SelectionData& data : selection_data_) {
    backend.upload(data.values.data(), static_cast<int64_t>(data.values.size() * sizeof(int32_t)),
                   shared.data(data.buffer));
  }
}

Work StepProgram::work() const {
  Work sum;
  for (const auto& step : steps_) sum += step->work();
  return sum;
}

void StepProgram::forward(LaneRun& run, ArenaView& lane) const {
  for (size_t i = 0; i < steps_.size(); ++i) {
    const kernels::ScopedLabel label(names_[i].c_str(), "forward");
    lane.begin(static_cast<int>(i));
    steps_[i]->forward(run);
    lane.end(static_cast<int>(i));
  }
}

void StepProgram::backward(LaneRun& run, ArenaView& lane) const {
  for (int index : backward_order_) {
    const int time = 2 * static_cast<int>(steps_.size()) - 1 - index;
    const kernels::ScopedLabel label(names_[static_cast<size_t>(index)].c_str(), "backward");
    lane.begin(time);
    steps_[static_cast<size_t>(index)]->backward(run);
    lane.end(time);
  }
}

}  // namespace trady
