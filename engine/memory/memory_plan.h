// Where every buffer of a step lives, decided before anything is allocated.
//
// A step is a sequence of times (forward of op 0, 1, ..., backward of ..., 1, 0). A buffer is live
// from its first use to its last; two buffers may share bytes only if they are never live together.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/memory/categories.h"

namespace trady {

/// Every buffer starts at a multiple of this (a cache line, an AVX-512 vector).
constexpr int64_t kBufferAlignment = 64;
/// `bytes` rounded up to where the next buffer can start.
constexpr int64_t aligned(int64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

struct BufferId {
  int value = -1;
  bool valid() const { return value >= 0; }
  bool operator==(const BufferId&) const = default;
};

struct Buffer {
  std::string name;
  MemoryCategory category{};
  int64_t bytes = 0;
  int first = std::numeric_limits<int>::max();  ///< time of the first use
  int last = -1;                                ///< time of the last use
  int64_t offset = 0;                           ///< from the region's start, set by place()

  bool used() const { return last >= first; }
  bool overlaps_in_time(const Buffer& other) const {
    return used() && other.used() && first <= other.last && other.first <= last;
  }
};

class MemoryPlan {
 public:
  /// `red_zone_bytes` are kept free on both sides of every buffer (a multiple of the alignment).
  explicit MemoryPlan(int64_t red_zone_bytes = 0) : red_zone_bytes_(red_zone_bytes) {}

  BufferId add(std::string name, MemoryCategory category, int64_t bytes);
  /// Makes the buffer live at `time` too.
  void use(BufferId id, int time);
  /// Assigns offsets: largest first, each into the lowest gap that is free over its whole life.
  void place();

  const std::vector<Buffer>& buffers() const { return buffers_; }
  const Buffer& operator[](BufferId id) const { return buffers_[static_cast<size_t>(id.value)]; }
  int64_t red_zone_bytes() const { return red_zone_bytes_; }
  /// Size of the region that holds every buffer, alignment and gaps included.
  int64_t reserved_bytes() const { return reserved_bytes_; }
  int times() const { return times_; }
  /// Buffers whose life begins / ends at `time` (after place()).
  const std::vector<BufferId>& starting_at(int time) const { return starts_[time]; }
  const std::vector<BufferId>& ending_at(int time) const { return ends_[time]; }

  CategoryBytes live_at(int time) const;
  /// Live bytes at the (first) time at which their sum is largest.
  CategoryBytes peak() const;
  int peak_time() const;

 private:
  int64_t red_zone_bytes_;
  std::vector<Buffer> buffers_;
  std::vector<std::vector<BufferId>> starts_, ends_;
  int64_t reserved_bytes_ = 0;
  int times_ = 0;
};

}  // namespace trady
