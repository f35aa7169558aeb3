// The memory of a step: one block of the device's memory, and views that execute memory plans in it
// and count what is live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/memory/categories.h"
#include "engine/memory/memory_plan.h"
#include "kernels/backend.h"

namespace trady {

/// Whether arenas guard their buffers: red zones with a pattern that is verified when a buffer
/// dies, and free bytes filled with NaNs (and poisoned for AddressSanitizer where it is built in).
/// On in debug and AddressSanitizer builds and with TRADY_ARENA_CHECKS=1.
bool arena_checks_enabled();
/// Red zone that plans should leave: 0 without checks.
int64_t arena_red_zone_bytes();

/// On the host a block of zeroed pages of its own, so that it is returned whole; elsewhere a block
/// of the device's memory, content undefined.
class Arena {
 public:
  Arena() = default;
  /// Throws Error when the system or the device refuses. The backend must outlive the arena.
  Arena(const kernels::Backend& backend, int64_t bytes);
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  const kernels::Backend* device_ = nullptr;  // null: pages of the host
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

/// Executes one plan at one address: `begin(t)` brings the buffers to life whose first use is t,
/// `end(t)` retires those whose last use is t. Not thread-safe: one view a worker.
class ArenaView {
 public:
  ArenaView() = default;
  /// `on_host`: whether the host may touch the bytes, and so guard them.
  ArenaView(const MemoryPlan& plan, std::byte* base, bool on_host = true);

  void begin(int time);
  void end(int time);
  /// Retires what is still live: after a step that ran forward only.
  void end_all();

  /// Address of a live buffer; null for an invalid id.
  void* data(BufferId id) const;

  /// Live bytes now, and those at the moment of the largest sum so far.
  const CategoryBytes& live() const { return live_; }
  const CategoryBytes& peak() const { return peak_; }

 private:
  void retire(BufferId id);

  const MemoryPlan* plan_ = nullptr;
  std::byte* base_ = nullptr;
  bool guarded_ = false;
  std::vector<uint8_t> is_live_;
  CategoryBytes live_, peak_;
  int64_t live_total_ = 0, peak_total_ = 0;
};

}  // namespace trady
