// Sums of the micro-batches' gradients in micro-batch order, whichever worker is first: the result
// does not depend on the number of workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/memory/arena.h"
#include "engine/step/step_planner.h"
#include "kernels/backend.h"

namespace trady {

class GradientSums {
 public:
  GradientSums(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
               const ArenaView& shared);

  /// Before every batch.
  void reset();
  /// Waits for the micro-batches before `turn`, then adds (turn 0: stores).
  void add(int slot, int64_t turn, const void* values);
  /// Where the batch's sum lies.
  void* sum(int slot) const { return shared_.data(slots_[static_cast<size_t>(slot)].sum); }
  /// Releases all who wait: called when a worker has failed and its turn will never come.
  void abort();

 private:
  const kernels::Backend& backend_;
  const std::vector<GradientSlot>& slots_;
  const ArenaView& shared_;
  std::vector<std::atomic<int64_t>> next_turn_;
};

}  // namespace trady
