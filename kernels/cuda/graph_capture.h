// A step as a CUDA graph: one launch for the host, and no gaps between its kernels.
#pragma once

#include <functional>
#include <memory>

#include "kernels/cuda/device/runtime.cuh"
#include "kernels/transfers.h"

namespace trady::kernels::cuda {

/// Captures what `calls` enqueues on `stream`; nothing runs. Throws std::runtime_error for a call
/// that cannot be captured (waiting, allocating), and what `calls` throws.
std::unique_ptr<Recording> capture_graph(const std::function<void()>& calls, cudaStream_t stream);

}  // namespace trady::kernels::cuda
