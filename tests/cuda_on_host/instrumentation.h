// The gate through which every access of a kernel passes, to whatever address.
#pragma once

#include <cstddef>
#include <cstdint>

#include "block.h"
#include "tracker.h"

namespace cuda_on_host {

/// `alignment` 1: any.
void check_kernel_access(Access kind, uintptr_t address, size_t bytes, size_t alignment,
                         const Thread& thread);

}  // namespace cuda_on_host
