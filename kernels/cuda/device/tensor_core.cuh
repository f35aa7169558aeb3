// mma.sync.m16n8k8 in TF32: D[16, 8] += A[16, 8] B[8, 8], one tile a warp (sm_80 on).
//
// Who holds what (PTX ISA, "Matrix Fragments for mma.m16n8k8", .tf32), with group = lane / 4 and
// member = lane % 4:
//   a[0] = A[group][member]      a[1] = A[group + 8][member]
//   a[2] = A[group][member + 4]  a[3] = A[group + 8][member + 4]
//   b[0] = B[member][group]      b[1] = B[member + 4][group]
//   d[0], d[1] = D[group][2 member, 2 member + 1]
//   d[2], d[3] = D[group + 8][2 member, 2 member + 1]
#pragma once

#include <cstdint>

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// Rounded to TF32 (10 bits of fraction, nearest, ties away from zero), as the bits of a float.
__device__ __forceinline__ uint32_t to_tf32(float value) {
#ifdef __CUDACC__
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
#else
  return cuda_on_host::to_tf32(value);
#endif
}

/// All 32 lanes of the warp together.
__device__ __forceinline__ void mma_tf32(float (&d)[4], const uint32_t (&a)[4],
                                         const uint32_t (&b)[2]) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  cuda_on_host::mma_m16n8k8_tf32(d, a, b);
#endif
}

}  // namespace trady::kernels::cuda
