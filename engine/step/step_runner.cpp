#include "engine/step/step_runner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "engine/device_values.h"
#include "engine/error.h"

namespace trady {

double high_loss(int64_t classes) {
  return 20 * std::log(static_cast<double>(std::max<int64_t>(classes, 2)));
}

StepRunner::StepRunner(const Tape& tape, const kernels::Backend& backend, Parameters& parameters,
                       const OptimizerSettings& optimizer, const StepSettings& settings,
                       int workers)
    : settings_(settings),
      kernels_(backend),
      state_{tape, backend, parameters, Optimizer(optimizer, parameters)} {
  if (settings.micro_batch < 1 || settings.batch < 1 ||
      settings.batch % settings.micro_batch != 0) {
    fail("[step] the micro-batch must divide the batch, got ", settings.micro_batch, " and ",
         settings.batch, "; use a --micro-batch that divides --batch");
  }
  settings_.decoded_images = settings.decoded_images && backend.transforms_images();
  if (backend.on_host()) {
    settings_.batches_in_flight = 1;
    execution_ = make_host_execution(state_, workers);
  } else {
    execution_ = make_device_execution(state_);
  }
}

int StepRunner::lanes_within_limit(const StepProgram& program) const {
  int lanes = execution_->max_lanes();
  if (!settings_.memory_limit) return lanes;
  const auto bytes_with = [&](int count) {
    return planned_memory(program, state_.parameters, state_.optimizer.state_bytes(), count)
        .reserved;
  };
  while (lanes > 1 && bytes_with(lanes) > *settings_.memory_limit) --lanes;
  if (bytes_with(lanes) > *settings_.memory_limit) {
    fail("[step] this selection needs ", bytes_with(lanes), " bytes with one worker, the limit is ",
         *settings_.memory_limit, " bytes; use a larger --memory-limit or a smaller --micro-batch");
  }
  return lanes;
}

void StepRunner::select(UpdatePlan update) {
  auto program = std::make_unique<StepProgram>(state_.tape, std::move(update), state_.backend,
                                               kernels_, settings_);
  const int lanes = lanes_within_limit(*program);

  // From here on the old selection is gone: its views point into the old program and arena.
  forget_selection();
  lay_out(std::move(program), lanes);

  std::set<ParameterId> updated;
  for (const GradientSlot& slot : state_.program->gradient_slots()) updated.insert(slot.parameter);
  state_.updated_residents.clear();
  for (size_t i = 0; i < state_.program->resident_weights().size(); ++i) {
    if (updated.contains(state_.program->resident_weights()[i].parameter)) {
      state_.updated_residents.push_back(i);
    }
  }
  try {
    execution_->selected();
    refresh_weights();
  } catch (const std::exception& error) {
    const std::string needs = planned().description();
    forget_selection();
    fail(error.what(), "\n  the step needs ", needs);
  }
}

void StepRunner::forget_selection() {
  execution_->deselect();
  under_way_.clear();
  state_.program.reset();
  state_.lanes.clear();
  state_.sums.reset();
  state_.shared = ArenaView();
}

void StepRunner::lay_out(std::unique_ptr<StepProgram> program, int lanes) {
  const int64_t shared_bytes = program->shared_plan().reserved_bytes();
  const int64_t lane_bytes = program->lane_plan().reserved_bytes();
  const int64_t needed = shared_bytes + lanes * lane_bytes;
  if (state_.arena.bytes() != needed) {
    state_.arena = Arena();  // return the old block before asking for the new one
    try {
      state_.arena = Arena(state_.backend, needed);
    } catch (const Error& error) {
      fail(error.what(), "\n  the step needs ",
           planned_memory(*program, state_.parameters, state_.optimizer.state_bytes(), lanes)
               .description());
    }
  }
  const bool on_host = state_.backend.on_host();
  std::byte* base = state_.arena.data();
  state_.shared = ArenaView(program->shared_plan(), base, on_host);
  state_.shared.begin(0);
  for (int lane = 0; lane < lanes; ++lane) {
    state_.lanes.emplace_back(program->lane_plan(), base + shared_bytes + lane * lane_bytes,
                              on_host);
  }
  state_.sums =
      std::make_unique<GradientSums>(state_.backend, program->gradient_slots(), state_.shared);
  program->upload_selection(state_.backend, state_.shared);
  state_.program = std::move(program);
}

void StepRunner::refresh_weights() {
  std::vector<size_t> every(state_.program->resident_weights().size());
  std::iota(every.begin(), every.end(), size_t{0});
  execution_->prepare(every);
}

void StepRunner::check_batch(const BatchView& batch) const {
  if (!state_.program)
    fail("[step] nothing is selected; steps can run after a select() that succeeded");
  if (batch.count < 1 || batch.count > settings_.batch) {
    fail("[step] a batch of ", batch.count, " images, but steps are planned for 1 to ",
         settings_.batch);
  }
  if (settings_.decoded_images ? batch.transforms == nullptr : batch.pixels == nullptr) {
    fail("[step] steps are planned for ", settings_.decoded_images ? "decoded images" : "pixels",
         ", and the batch has none");
  }
  if (settings_.decoded_images &&
      (batch.image_bytes < 0 || batch.image_bytes > batch.count * max_packed_bytes(static_cast<int>(
                                                                      state_.tape.image_size())))) {
    fail("[step] the batch's images have ", batch.image_bytes, " bytes, steps are planned for ",
         max_packed_bytes(static_cast<int>(state_.tape.image_size())),
         " an image; was the loader made for another image size?");
  }
  for (int64_t i = 0; i < batch.count; ++i) {
    if (batch.labels[i] < 0 || batch.labels[i] >= state_.tape.classes()) {
      fail("[step] label ", batch.labels[i], " of image ", i, " of the batch is outside of 0 .. ",
           state_.tape.classes() - 1, "; does the data set fit the network's classifier?");
    }
  }
}

void StepRunner::begin(StepKind kind, const BatchView& batch, double learning_rate) {
  check_batch(batch);
  if (static_cast<int>(under_way_.size()) >= settings_.batches_in_flight) {
    fail("[step] ", under_way_.size(), " batches are under way already; end one first");
  }
  if (!under_way_.empty() && under_way_.front().kind != kind) {
    fail("[step] training and evaluation are under way at once; end one first");
  }
  try {
    execution_->begin(kind, batch, learning_rate);
  } catch (...) {
    abandon();
    throw;
  }
  under_way_.push_back({kind, batch.count});
}

kernels::StepControl StepRunner::end(StepKind kind, int64_t& images) {
  if (under_way_.empty() || under_way_.front().kind != kind) {
    fail("[step] no such batch is under way");
  }
  const kernels::StepControl outcome = execution_->end();
  images = under_way_.front().images;
  under_way_.pop_front();
  return outcome;
}

void StepRunner::abandon() noexcept {
  execution_->abandon();
  under_way_.clear();
}

void StepRunner::begin_train(const BatchView& batch, double learning_rate) {
  if (batch.count != settings_.batch) {
    fail("[step] training steps are planned for ", settings_.batch, " images, got ", batch.count);
  }
  if (!settings_.training) fail("[step] these steps were planned for inference only");
  begin(StepKind::train, batch, learning_rate);
}

TrainResult StepRunner::end_train() {
  int64_t images = 0;
  const kernels::StepControl outcome = end(StepKind::train, images);
  TrainResult result;
  result.loss = outcome.loss_sum / static_cast<double>(images);
  result.correct = outcome.correct;
  result.gradient_norm = std::sqrt(outcome.squared_norm);
  result.finite = outcome.updates != 0;
  high_loss_steps_ = result.loss > high_loss(state_.tape.classes()) ? high_loss_steps_ + 1 : 0;
  result.high_loss_steps = high_loss_steps_;
  return result;
}

TrainResult StepRunner::train(const BatchView& batch, double learning_rate) {
  begin_train(batch, learning_rate);
  return end_train();
}

void StepRunner::begin_evaluate(const BatchView& batch) {
  begin(StepKind::evaluate, batch, /*learning_rate=*/0);
}

EvaluationResult StepRunner::end_evaluate() {
  const kernels::StepControl outcome = end(StepKind::evaluate, last_images_);
  return {outcome.loss_sum, outcome.correct, last_images_};
}

EvaluationResult StepRunner::evaluate(const BatchView& batch) {
  begin_evaluate(batch);
  return end_evaluate();
}

std::vector<double> StepRunner::logits() const {
  if (!settings_.logits) fail("[step] these steps were planned without logits");
  if (!under_way_.empty()) fail("[step] logits are read when no batch is under way");
  return read_values(state_.backend, state_.shared.data(state_.program->logits()),
                     last_images_ * state_.tape.classes());
}

std::vector<StepRunner::Observed> StepRunner::observed_statistics() const {
  if (!settings_.observes_statistics) fail("[step] these steps were planned without statistics");
  if (!under_way_.empty()) fail("[step] statistics are read when no batch is under way");
  std::vector<Observed> all;
  for (const BatchStatistics& layer : state_.program->statistics()) {
    const auto read = [&](BufferId values) {
      return read_values(state_.backend, state_.shared.data(values), layer.channels);
    };
    all.push_back({read(layer.mean), read(layer.variance), layer.positions});
  }
  return all;
}

MemoryReport StepRunner::planned() const {
  return planned_memory(*state_.program, state_.parameters, state_.optimizer.state_bytes(),
                        static_cast<int>(state_.lanes.size()));
}

MemoryReport StepRunner::measured() const {
  MemoryReport report;
  report.shared = state_.shared.live();
  report.shared[MemoryCategory::weights] += state_.parameters.value_bytes();
  report.shared[MemoryCategory::optimizer_state] += state_.optimizer.state_bytes();
  report.shared[MemoryCategory::workspace] += state_.backend.workspace_bytes();
  report.workers = static_cast<int>(state_.lanes.size());
  for (const ArenaView& lane : state_.lanes) {
    if (lane.peak().total() > report.lane_peak.total()) report.lane_peak = lane.peak();
  }
  report.reserved = state_.backend.workspace_bytes() + state_.parameters.reserved_bytes() +
                    state_.optimizer.state_bytes() + state_.arena.bytes();
  return report;
}

}  // namespace trady
