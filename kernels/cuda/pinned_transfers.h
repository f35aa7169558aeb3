// Batches into the device through pinned memory and a stream of their own, beside the steps.
#pragma once

#include <memory>

#include "kernels/cuda/device/runtime.cuh"
#include "kernels/transfers.h"

namespace trady::kernels::cuda {

/// `work` is the stream of the steps. Throws std::runtime_error, also where the system refuses the
/// pinned memory.
std::unique_ptr<Transfers> make_pinned_transfers(int slots, int64_t bytes_per_slot,
                                                 cudaStream_t work);

}  // namespace trady::kernels::cuda
