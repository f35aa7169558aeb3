// The rules for memory, applied to every access: allocated, initialised, aligned, and ordered after
// every earlier access that it conflicts with.
//
// These functions run between a kernel's own instructions. They stay clear of the standard
// library's containers, of which the linker may have kept the instrumented copy of a .cu file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "access_history.h"

namespace cuda_on_host {

enum class Access { read, write, atomic };

/// Where execution is: see Touch for segments.
struct Now {
  uint32_t segment = 0;
  uint32_t first_of_block = 0;
  uint32_t first_of_operation = 0;
  uint32_t oldest = 1;  ///< what lies in earlier segments precedes everything from now on
};
extern Now now;
extern uint64_t access_count;

/// Checks and records one access of `bytes` to the region by a thread of a kernel or by a copy.
/// Does not return if a rule is broken.
void check_access(Access kind, uintptr_t address, size_t bytes, const Accessor& accessor);

/// Copies and the like.
extern const Accessor kRuntimeAccessor;

/// For the destination of a cp.async: kPending at its start, kInitialised at its end.
void set_pending(uintptr_t address, size_t bytes);
void set_arrived(uintptr_t address, size_t bytes);

}  // namespace cuda_on_host
