#include "engine/memory/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace trady {

BufferId MemoryPlan::add(std::string name, MemoryCategory category, int64_t bytes) {
  buffers_.push_back({std::move(name), category, bytes});
  return {static_cast<int>(buffers_.size()) - 1};
}

void MemoryPlan::use(BufferId id, int time) {
  Buffer& buffer = buffers_[static_cast<size_t>(id.value)];
  buffer.first = std::min(buffer.first, time);
  buffer.last = std::max(buffer.last, time);
  times_ = std::max(times_, time + 1);
}

void MemoryPlan::place() {
  std::vector<size_t> order;
  for (size_t i = 0; i < buffers_.size(); ++i) {
    if (buffers_[i].used() && buffers_[i].bytes > 0) order.push_back(i);
  }
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return buffers_[a].bytes > buffers_[b].bytes; });

  reserved_bytes_ = 0;
  std::vector<size_t> by_offset;  // already placed, ascending
  for (size_t index : order) {
    Buffer& buffer = buffers_[index];
    const int64_t needed = aligned(buffer.bytes) + 2 * red_zone_bytes_;
    int64_t start = 0;
    for (size_t other_index : by_offset) {
      const Buffer& other = buffers_[other_index];
      if (!buffer.overlaps_in_time(other)) continue;
      if (start + needed <= other.offset - red_zone_bytes_) break;
      start = std::max(start, other.offset + aligned(other.bytes) + red_zone_bytes_);
    }
    buffer.offset = start + red_zone_bytes_;
    reserved_bytes_ = std::max(reserved_bytes_, start + needed);
    const auto position = std::ranges::upper_bound(by_offset, buffer.offset, {},
                                                   [&](size_t i) { return buffers_[i].offset; });
    by_offset.insert(position, index);
  }

  starts_.assign(static_cast<size_t>(times_), {});
  ends_.assign(static_cast<size_t>(times_), {});
  for (size_t i = 0; i < buffers_.size(); ++i) {
    if (!buffers_[i].used()) continue;
    starts_[static_cast<size_t>(buffers_[i].first)].push_back({static_cast<int>(i)});
    ends_[static_cast<size_t>(buffers_[i].last)].push_back({static_cast<int>(i)});
  }
}

CategoryBytes MemoryPlan::live_at(int time) const {
  CategoryBytes live;
  for (const Buffer& buffer : buffers_) {
    if (buffer.first <= time && time <= buffer.last) live[buffer.category] += buffer.bytes;
  }
  return live;
}

int MemoryPlan::peak_time() const {
  std::vector<int64_t> change(static_cast<size_t>(times_) + 1, 0);
  for (const Buffer& buffer : buffers_) {
    if (!buffer.used()) continue;
    change[static_cast<size_t>(buffer.first)] += buffer.bytes;
    change[static_cast<size_t>(buffer.last) + 1] -= buffer.bytes;
  }
  std::partial_sum(change.begin(), change.end(), change.begin());
  return static_cast<int>(std::ranges::max_element(change) - change.begin());
}

CategoryBytes MemoryPlan::peak() const {
  return live_at(peak_time());
}

}  // namespace trady
