// Which bytes of device memory the running kernel has touched: each is counted once a launch.
//
// note_traffic runs between a kernel's own instructions: no container of the standard library.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tracker.h"

namespace cuda_on_host {

extern bool counting_traffic;

/// The bytes touched so far belong to earlier launches.
void begin_launch_traffic();
/// An access of a kernel to device memory; only while counting.
void note_traffic(Access kind, uintptr_t address, size_t bytes);

}  // namespace cuda_on_host
