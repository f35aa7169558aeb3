// 16-byte accesses, and 4 bytes at once. A cast and a plain read would do on a GPU, but the host
// execution has to see that 16 bytes were one access, and whether it was aligned.
#pragma once

#include <cstdint>
#include <type_traits>

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

/// kWidth floats that a thread moves at once: 4 by one access, or 1.
template <int kWidth>
struct Floats {
  static_assert(kWidth == 1 || kWidth == 4);
  float at[kWidth];
};

/// call(width): std::integral_constant 4 if `fours`, else 1. For launchers.
template <typename Call>
void with_width(bool fours, const Call& call) {
  if (fours) {
    call(std::integral_constant<int, 4>{});
  } else {
    call(std::integral_constant<int, 1>{});
  }
}

/// p must be aligned to 4 * kWidth bytes.
template <int kWidth>
__device__ __forceinline__ Floats<kWidth> load_floats(const float* p) {
  if constexpr (kWidth == 4) {
    const float4 v = load4(p);
    return {{v.x, v.y, v.z, v.w}};
  } else {
    return {{*p}};
  }
}

/// p must be aligned to 4 * kWidth bytes.
template <int kWidth>
__device__ __forceinline__ void store_floats(float* p, const Floats<kWidth>& v) {
  if constexpr (kWidth == 4) {
    store4(p, make_float4(v.at[0], v.at[1], v.at[2], v.at[3]));
  } else {
    *p = v.at[0];
  }
}

/// kWidth (1 or 4) bytes, the first one lowest; p must be aligned to kWidth bytes.
template <int kWidth>
__device__ __forceinline__ uint32_t load_bytes(const uint8_t* p) {
  static_assert(kWidth == 1 || kWidth == 4);
  if constexpr (kWidth == 4) {
    return *reinterpret_cast<const uint32_t*>(p);
  } else {
    return *p;
  }
}

/// The lowest kWidth (1 or 4) bytes; p must be aligned to kWidth bytes.
template <int kWidth>
__device__ __forceinline__ void store_bytes(uint8_t* p, uint32_t bytes) {
  static_assert(kWidth == 1 || kWidth == 4);
  if constexpr (kWidth == 4) {
    *reinterpret_cast<uint32_t*>(p) = bytes;
  } else {
    *p = static_cast<uint8_t>(bytes);
  }
}

}  // namespace trady::kernels::cuda
