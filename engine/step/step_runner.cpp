#include "engine/step/step_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "engine/error.h"

namespace trady {

double high_loss(int64_t classes) {
  return 20 * std::log(static_cast<double>(std::max<int64_t>(classes, 2)));
}

StepRunner::StepRunner(const Tape& tape, const kernels::Backend& backend, Parameters& parameters,
                       const OptimizerSettings& optimizer, const StepSettings& settings,
                       int workers)
    : tape_(tape),
      backend_(backend),
      parameters_(parameters),
      optimizer_(optimizer, parameters),
      settings_(settings),
      kernels_(backend),
      workers_(workers) {
  if (settings.micro_batch < 1 || settings.batch < 1 ||
      settings.batch % settings.micro_batch != 0) {
    fail("[step] the micro-batch must divide the batch, got ", settings.micro_batch, " and ",
         settings.batch, "; use a --micro-batch that divides --batch");
  }
}

int StepRunner::workers_within_limit(const StepProgram& program) const {
  int workers = workers_.count();
  if (!settings_.memory_limit) return workers;
  const auto bytes_with = [&](int count) {
    return planned_memory(program, parameters_, optimizer_.state_bytes(), count).reserved;
  };
  while (workers > 1 && bytes_with(workers) > *settings_.memory_limit) --workers;
  if (bytes_with(workers) > *settings_.memory_limit) {
    fail("[step] this selection needs ", bytes_with(workers),
         " bytes with one worker, the limit is ", *settings_.memory_limit,
         " bytes; use a larger --memory-limit or a smaller --micro-batch");
  }
  return workers;
}

void StepRunner::select(UpdatePlan update) {
  auto program =
      std::make_unique<StepProgram>(tape_, std::move(update), backend_, kernels_, settings_);
  const int workers = workers_within_limit(*program);

  // From here on the old selection is gone: its views point into the old program and arena.
  program_.reset();
  lanes_.clear();
  sums_.reset();
  shared_ = ArenaView();
  const int64_t shared_bytes = program->shared_plan().reserved_bytes();
  const int64_t lane_bytes = program->lane_plan().reserved_bytes();
  const int64_t needed = shared_bytes + workers * lane_bytes;
  if (arena_.bytes() != needed) {
    arena_ = Arena();  // return the old block before asking for the new one
    arena_ = Arena(needed);
  }
  shared_ = ArenaView(program->shared_plan(), arena_.data());
  shared_.begin(0);
  for (int worker = 0; worker < workers; ++worker) {
    lanes_.emplace_back(program->lane_plan(), arena_.data() + shared_bytes + worker * lane_bytes);
  }
  sums_ = std::make_unique<GradientSums>(backend_, program->gradient_slots(), shared_);
  active_workers_ = workers;
  program_ = std::move(program);

  std::set<ParameterId> updated;
  for (const GradientSlot& slot : program_->gradient_slots()) updated.insert(slot.parameter);
  updated_residents_.clear();
  for (size_t i = 0; i < program_->resident_weights().size(); ++i) {
    if (updated.contains(program_->resident_weights()[i].parameter)) {
      updated_residents_.push_back(i);
    }
  }
  refresh_weights();
}

void StepRunner::prepare(const std::vector<size_t>& resident_indices) {
  if (resident_indices.empty()) return;
  const auto& residents = program_->resident_weights();
  workers_.run([&](int worker) {
    for (size_t i = static_cast<size_t>(worker); i < resident_indices.size();
         i += static_cast<size_t>(workers_.count())) {
      const ResidentWeight& resident = residents[resident_indices[i]];
      const void* weight = parameters_.data(resident.parameter);
      void* copy = shared_.data(resident.copy);
      if (resident.forward) {
        resident.forward->prepare_weight(weight, copy);
      } else {
        resident.grad_input->prepare_weight(weight, copy);
      }
    }
  });
}

void StepRunner::refresh_weights() {
  std::vector<size_t> every(program_->resident_weights().size());
  std::iota(every.begin(), every.end(), size_t{0});
  prepare(every);
}

void StepRunner::run_lane(int worker, const BatchView& batch, bool backward, void* logits) {
  ArenaView& lane = lanes_[static_cast<size_t>(worker)];
  lane.end_all();  // what a failed step left behind
  LaneRun run(backend_, parameters_, lane, shared_, sums_.get());
  const int64_t m = settings_.micro_batch;
  const int64_t image_bytes = tape_.image_size() * tape_.image_size() * 3;
  const int64_t logit_bytes = tape_.classes() * kernels::bytes_of(backend_.dtype());
  for (int64_t index = next_micro_batch_++; index * m < batch.count; index = next_micro_batch_++) {
    run.inputs.pixels = batch.pixels + index * m * image_bytes;
    run.inputs.images = std::min(m, batch.count - index * m);
    run.inputs.labels = static_cast<const int32_t*>(shared_.data(program_->labels())) + index * m;
    run.inputs.loss = static_cast<double*>(shared_.data(program_->losses())) + index * m;
    run.inputs.predicted = static_cast<int32_t*>(shared_.data(program_->predictions())) + index * m;
    run.inputs.logits =
        logits ? static_cast<std::byte*>(logits) + index * m * logit_bytes : nullptr;
    run.inputs.micro_batch_index = index;
    program_->forward(run, lane);
    if (backward) program_->backward(run, lane);
    lane.end_all();  // what only backward would have retired
  }
}

void StepRunner::run_micro_batches(const BatchView& batch, bool backward, void* logits) {
  auto* labels = static_cast<int32_t*>(shared_.data(program_->labels()));
  std::memcpy(labels, batch.labels, static_cast<size_t>(batch.count) * sizeof(int32_t));
  std::fill(labels + batch.count, labels + settings_.batch, 0);
  next_micro_batch_ = 0;
  sums_->reset();
  error_ = nullptr;
  workers_.run([&](int worker) {
    if (worker >= active_workers_) return;
    try {
      run_lane(worker, batch, backward, logits);
    } catch (...) {
      {
        const std::lock_guard lock(error_mutex_);
        if (!error_) error_ = std::current_exception();
      }
      sums_->abort();
    }
  });
  if (error_) std::rethrow_exception(error_);
}

void StepRunner::check_batch(const BatchView& batch) const {
  if (!program_) fail("[step] nothing is selected; steps can run after a select() that succeeded");
  if (batch.count < 1 || batch.count > settings_.batch) {
    fail("[step] a batch of ", batch.count, " images, but steps are planned for 1 to ",
         settings_.batch);
  }
  for (int64_t i = 0; i < batch.count; ++i) {
    if (batch.labels[i] < 0 || batch.labels[i] >= tape_.classes()) {
      fail("[step] label ", batch.labels[i], " of image ", i, " of the batch is outside of 0 .. ",
           tape_.classes() - 1, "; does the data set fit the network's classifier?");
    }
  }
}

TrainResult StepRunner::train(const BatchView& batch, double learning_rate) {
  if (batch.count != settings_.batch) {
    fail("[step] training steps are planned for ", settings_.batch, " images, got ", batch.count);
  }
  if (!settings_.training) fail("[step] these steps were planned for inference only");
  check_batch(batch);
  run_micro_batches(batch, /*backward=*/true, nullptr);

  TrainResult result;
  const auto* losses = static_cast<const double*>(shared_.data(program_->losses()));
  const auto* predicted = static_cast<const int32_t*>(shared_.data(program_->predictions()));
  for (int64_t i = 0; i < batch.count; ++i) {
    result.loss += losses[i] / static_cast<double>(batch.count);
    result.correct += predicted[i] == batch.labels[i];
  }
  const auto& slots = program_->gradient_slots();
  result.gradient_norm = Optimizer::gradient_norm(backend_, slots, shared_);
  result.finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  high_loss_steps_ = result.loss > high_loss(tape_.classes()) ? high_loss_steps_ + 1 : 0;
  result.high_loss_steps = high_loss_steps_;
  if (!result.finite) return result;
  if (on_gradients) on_gradients({slots, shared_});
  optimizer_.apply(backend_, slots, shared_, result.gradient_norm, learning_rate, parameters_);
  prepare(updated_residents_);
  return result;
}

EvaluationResult StepRunner::evaluate(const BatchView& batch) {
  return evaluate(batch, nullptr);
}

EvaluationResult StepRunner::evaluate(const BatchView& batch, void* logits) {
  check_batch(batch);
  run_micro_batches(batch, /*backward=*/false, logits);
  EvaluationResult result;
  result.count = batch.count;
  const auto* losses = static_cast<const double*>(shared_.data(program_->losses()));
  const auto* predicted = static_cast<const int32_t*>(shared_.data(program_->predictions()));
  for (int64_t i = 0; i < batch.count; ++i) {
    result.loss_sum += losses[i];
    result.correct += predicted[i] == batch.labels[i];
  }
  return result;
}

MemoryReport StepRunner::planned() const {
  return planned_memory(*program_, parameters_, optimizer_.state_bytes(), active_workers_);
}

MemoryReport StepRunner::measured() const {
  MemoryReport report;
  report.shared = shared_.live();
  report.shared[MemoryCategory::weights] += parameters_.value_bytes();
  report.shared[MemoryCategory::optimizer_state] += optimizer_.state_bytes();
  report.workers = active_workers_;
  for (const ArenaView& lane : lanes_) {
    if (lane.peak().total() > report.lane_peak.total()) report.lane_peak = lane.peak();
  }
  report.reserved = parameters_.reserved_bytes() + optimizer_.state_bytes() + arena_.bytes();
  return report;
}

}  // namespace trady
