// Labels (kernels/trace.h) as NVTX ranges, which Nsight Systems shows beside the kernels.
#pragma once

namespace trady::kernels::cuda {

/// From now on, in all threads. Without a profiler attached a range is a test of a pointer, so
/// there is no switch.
void show_labels_to_profilers();

}  // namespace trady::kernels::cuda
