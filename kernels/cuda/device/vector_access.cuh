// 16-byte accesses. A cast and a plain read would do on a GPU, but the host execution has to see
// that it was one access, and whether it was aligned.
#pragma once

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// p must be 16-byte aligned.
__device__ __forceinline__ float4 load4(const float* p) {
#ifdef __CUDACC__
  return *reinterpret_cast<const float4*>(p);
#else
  return cuda_on_host::load4(p);
#endif
}

/// p must be 16-byte aligned.
__device__ __forceinline__ void store4(float* p, float4 value) {
#ifdef __CUDACC__
  *reinterpret_cast<float4*>(p) = value;
#else
  cuda_on_host::store4(p, value);
#endif
}

}  // namespace trady::kernels::cuda
