// The sum of one value a thread over a block, in a fixed order: a tree in shared memory.
#pragma once

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// Called by all kThreads threads of a one-dimensional block, kThreads a power of two; all get the
/// sum. `shared` may be used again at once.
template <int kThreads, typename T>
__device__ __forceinline__ T block_sum(T value, T* shared) {  // shared: [kThreads]
  static_assert((kThreads & (kThreads - 1)) == 0);
  const int thread = static_cast<int>(threadIdx.x);
  shared[thread] = value;
  __syncthreads();
#pragma unroll
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) shared[thread] += shared[thread + half];
    __syncthreads();
  }
  const T sum = shared[0];
  __syncthreads();
  return sum;
}

}  // namespace trady::kernels::cuda
