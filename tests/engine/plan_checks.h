// What every memory plan must satisfy, judged without the plan's own bookkeeping.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "engine/memory/memory_plan.h"

namespace trady::testing {

/// Two buffers (their red zones included) share a byte while both are live.
inline bool clash(const Buffer& a, const Buffer& b, int64_t red_zone_bytes) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = a.offset < b.offset + b.bytes + red_zone_bytes &&
                        b.offset < a.offset + a.bytes + red_zone_bytes;
  return in_time && in_space;
}

/// No clash, alignment, everything inside of the reserved region, and the lower bound: at no time
/// are more bytes live than are reserved.
inline void check_plan(const MemoryPlan& plan) {
  std::vector<Buffer> used;
  for (const Buffer& buffer : plan.buffers()) {
    if (buffer.last >= buffer.first && buffer.bytes > 0) used.push_back(buffer);
  }
  int clashes = 0, misplaced = 0;
  std::vector<int64_t> live(static_cast<size_t>(plan.times()) + 1, 0);
  for (size_t i = 0; i < used.size(); ++i) {
    misplaced += used[i].offset % kBufferAlignment != 0 || used[i].offset < plan.red_zone_bytes() ||
                 used[i].offset + used[i].bytes + plan.red_zone_bytes() > plan.reserved_bytes();
    for (int time = used[i].first; time <= used[i].last; ++time) {
      live[static_cast<size_t>(time)] += used[i].bytes;
    }
    for (size_t j = 0; j < i; ++j) clashes += clash(used[i], used[j], plan.red_zone_bytes());
  }
  CHECK(clashes == 0);
  CHECK(misplaced == 0);
  const int64_t peak = *std::ranges::max_element(live);
  CHECK(plan.peak().total() == peak);
  CHECK(plan.reserved_bytes() >= peak);
}

}  // namespace trady::testing
