// The part of NVTX that is used here: ranges of a host thread, for profilers.
#pragma once

#include <string>
#include <vector>

/// Both return the level of the range, 0 for an outermost one; a pop without a push a negative
/// number.
int nvtxRangePushA(const char* message);
int nvtxRangePop();

namespace cuda_on_host {

/// Of the calling thread, outermost first.
std::vector<std::string> open_ranges();

}  // namespace cuda_on_host
