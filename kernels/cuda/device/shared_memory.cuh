// Shared memory: a kernel declares one struct of arrays and asks for it here; the launcher passes
// its sizeof. The host execution then knows every byte of it, poisons it before each block, and
// refuses a launch that gives another size. All of it is dynamic, so ptxas does not know the size:
// a comment in the kernel's PTX tells .ci/kernel_resources.py.
#pragma once

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// The block's shared memory as a T; 16-byte aligned.
template <typename T>
__device__ __forceinline__ T& shared_memory() {
  static_assert(alignof(T) <= 16);
#ifdef __CUDACC__
  asm volatile("// shared memory: %0 bytes" ::"n"(sizeof(T)));
  extern __shared__ __align__(16) unsigned char bytes[];
  return *reinterpret_cast<T*>(bytes);
#else
  return *static_cast<T*>(cuda_on_host::shared_memory(sizeof(T)));
#endif
}

}  // namespace trady::kernels::cuda
