// Live bytes of this process's heap, counted in malloc and its relatives.
#pragma once

#include <cstdint>

namespace trady::testing {

/// False under sanitizers, whose own allocator must not be replaced.
bool heap_is_counted();
int64_t live_heap_bytes();
/// The most that was live since the last call of restart_heap_peak().
int64_t peak_heap_bytes();
void restart_heap_peak();

}  // namespace trady::testing
