// Bits of an activation's mask: element i is bit i % 8 of byte i / 8 (kernels/types.h).
#pragma once

#include <cstdint>

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

__device__ __forceinline__ bool mask_bit(const uint8_t* mask, int64_t i) {
  return (mask[i / 8] >> (i % 8) & 1) != 0;
}

/// v of elements i to i + 3, zero where their bits are clear.  i: a multiple of 4
__device__ __forceinline__ float4 masked4(const uint8_t* mask, int64_t i, float4 v) {
  const unsigned bits = static_cast<unsigned>(mask[i / 8]) >> (i % 8);
  return make_float4(bits & 1U ? v.x : 0.0F, bits & 2U ? v.y : 0.0F, bits & 4U ? v.z : 0.0F,
                     bits & 8U ? v.w : 0.0F);
}

}  // namespace trady::kernels::cuda
