#include "engine/step/ordered_sum.h"

#include "engine/error.h"

namespace trady {

namespace {

constexpr int64_t kAborted = -1;

}  // namespace

GradientSums::GradientSums(const kernels::Backend& backend, const std::vector<GradientSlot>& slots,
                           const ArenaView& shared)
    : backend_(backend), slots_(slots), shared_(shared), next_turn_(slots.size()) {}

void GradientSums::reset() {
  for (auto& turn : next_turn_) turn.store(0, std::memory_order_relaxed);
}

void GradientSums::add(int slot_index, int64_t turn, const void* values) {
  const GradientSlot& slot = slots_[static_cast<size_t>(slot_index)];
  std::atomic<int64_t>& next = next_turn_[static_cast<size_t>(slot_index)];
  for (int64_t now = next.load(std::memory_order_acquire); now != turn;
       now = next.load(std::memory_order_acquire)) {
    if (now == kAborted) fail("[step] stopped because another worker failed");
    next.wait(now, std::memory_order_acquire);
  }
  if (turn == 0) {
    backend_.copy(values, slot.elements, sum(slot_index));
  } else {
    backend_.add(values, slot.elements, sum(slot_index));
  }
  // An abort in between must not be overwritten.
  int64_t expected = turn;
  next.compare_exchange_strong(expected, turn + 1, std::memory_order_release);
  next.notify_all();
}

void GradientSums::abort() {
  for (auto& turn : next_turn_) {
    turn.store(kAborted, std::memory_order_release);
    turn.notify_all();
  }
}

}  // namespace trady
