// Device memory and copies, with errors that tell what was asked for and what there is.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// Null for 0 bytes. Throws std::runtime_error.
void* allocate_on_device(int64_t bytes);
void free_on_device(void* memory) noexcept;
/// Ordered with the stream's work; done on return.
void copy_and_wait(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind,
                   cudaStream_t stream);
/// Throws what the stream's work failed with.
void wait_for(cudaStream_t stream);

}  // namespace trady::kernels::cuda
