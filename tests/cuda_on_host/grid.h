// The blocks of a launch, one after another.
#pragma once

#include <cstdint>
#include <string>

#include "cuda_on_host/launch.h"

namespace cuda_on_host {

/// Violation unless the device could run that.
void check_limits(const LaunchSettings& settings);
void run_grid(const LaunchSettings& settings, const KernelCall& call);
/// The block of the running launch that this segment belongs to.
dim3 block_of_segment(uint32_t segment);

}  // namespace cuda_on_host
