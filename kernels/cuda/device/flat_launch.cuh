// Kernels that give every thread one item of a flat list of work.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/launch.cuh"

namespace trady::kernels::cuda {

constexpr int kFlatThreads = 256;

/// The item of this thread; it may lie beyond the last one.
__device__ __forceinline__ int64_t flat_index() {
  return static_cast<int64_t>(blockIdx.x) * kFlatThreads + threadIdx.x;
}

/// Enough blocks of kFlatThreads for `items`.
inline Launch flat_launch(const char* name, int64_t items, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((items + kFlatThreads - 1) / kFlatThreads);
  return {name, dim3(blocks, 1, 1), dim3(kFlatThreads, 1, 1), 0, stream};
}

}  // namespace trady::kernels::cuda
