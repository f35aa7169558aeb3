// How batches get through planned steps: on the host by worker threads, one batch at a time; on a
// device beside it by recorded steps, while the next batch is copied.
#pragma once

#include <memory>
#include <vector>

#include "engine/step/step_state.h"

namespace trady {

enum class StepKind { train, evaluate };

class StepExecution {
 public:
  virtual ~StepExecution() = default;
  /// Micro-batches at once, at most: lanes that select() lays out memory for.
  virtual int max_lanes() const = 0;
  /// Before the state's memory goes, and after a new selection is in place.
  virtual void deselect() = 0;
  virtual void selected() = 0;
  /// Reorders these kept weight copies.
  virtual void prepare(const std::vector<size_t>& resident_indices) = 0;
  /// Begins a batch; at most settings().batches_in_flight may be under way. An error may be told
  /// here or by end(); abandon() is to follow.
  virtual void begin(StepKind kind, const BatchView& batch, double learning_rate) = 0;
  /// The outcome of the batch that was begun first.
  virtual kernels::StepControl end() = 0;
  /// Waits for the batches under way and forgets them. The updates of training steps stay.
  virtual void abandon() noexcept = 0;
};

/// `state` must outlive it.
std::unique_ptr<StepExecution> make_host_execution(StepState& state, int workers);
std::unique_ptr<StepExecution> make_device_execution(StepState& state);

}  // namespace trady
