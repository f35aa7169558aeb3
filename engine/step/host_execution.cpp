// Each worker takes the next micro-batch of a batch through the whole network, on buffers of its
// own. Gradients are summed in micro-batch order, so neither the number of workers nor the kept
// weight copies change a bit.
#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "engine/step/step_execution.h"
#include "engine/step/workers.h"

namespace trady {

namespace {

constexpr int kBlock = 0;  // one batch at a time

class HostExecution final : public StepExecution {
 public:
  HostExecution(StepState& state, int workers) : state_(state), workers_(workers) {}

  int max_lanes() const override { return workers_.count(); }
  void deselect() override {}
  void selected() override {}
  void prepare(const std::vector<size_t>& resident_indices) override;
  void begin(StepKind kind, const BatchView& batch, double learning_rate) override;
  kernels::StepControl end() override { return *state_.control(kBlock); }
  void abandon() noexcept override {}

 private:
  void run_micro_batches(const BatchView& batch, bool backward);
  void run_lane(int lane, const BatchView& batch, bool backward);

  StepState& state_;
  Workers workers_;
  std::atomic<int64_t> next_micro_batch_{0};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

void HostExecution::prepare(const std::vector<size_t>& resident_indices) {
  if (resident_indices.empty()) return;
  workers_.run([&](int worker) {
    for (size_t i = static_cast<size_t>(worker); i < resident_indices.size();
         i += static_cast<size_t>(workers_.count())) {
      state_.prepare_weight(resident_indices[i]);
    }
  });
}

void HostExecution::run_lane(int lane, const BatchView& batch, bool backward) {
  const int64_t m = state_.program->settings().micro_batch;
  for (int64_t index = next_micro_batch_++; index * m < batch.count; index = next_micro_batch_++) {
    state_.run_micro_batch({lane, kBlock, batch.pixels, batch.count, index}, backward);
  }
}

void HostExecution::run_micro_batches(const BatchView& batch, bool backward) {
  next_micro_batch_ = 0;
  state_.sums->reset();
  error_ = nullptr;
  workers_.run([&](int worker) {
    if (worker >= static_cast<int>(state_.lanes.size())) return;  // the limit has no room for it
    try {
      run_lane(worker, batch, backward);
    } catch (...) {
      {
        const std::lock_guard lock(error_mutex_);
        if (!error_) error_ = std::current_exception();
      }
      state_.sums->abort();
    }
  });
  if (error_) std::rethrow_exception(error_);
}

void HostExecution::begin(StepKind kind, const BatchView& batch, double learning_rate) {
  state_.control(kBlock)->learning_rate = learning_rate;
  *state_.halted() = 0;
  int32_t* labels = state_.labels(kBlock);
  std::copy_n(batch.labels, batch.count, labels);
  std::fill(labels + batch.count, labels + state_.program->settings().batch, 0);
  run_micro_batches(batch, kind == StepKind::train);
  state_.summarize(kBlock, batch.count);
  if (kind != StepKind::train) return;
  state_.update(kBlock);
  prepare(state_.updated_residents);
}

}  // namespace

std::unique_ptr<StepExecution> make_host_execution(StepState& state, int workers) {
  return std::make_unique<HostExecution>(state, workers);
}

}  // namespace trady
