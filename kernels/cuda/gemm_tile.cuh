// One warp's step of d[M, N] += a[M, 8] b[8, N] on operands in shared memory, as tiles of 16 x 8:
// on tensor cores in TF32, or in fp32 by the same lanes, so that both share everything around it.
#pragma once

#include "kernels/cuda/device/tensor_core.cuh"
#include "kernels/cuda/precision.h"

namespace trady::kernels::cuda {

/// Distances, in floats, between neighbours of an operand in shared memory. Free of bank conflicts
/// when depth == 1 and outer % 8 == 4, or outer == 1 and depth % 32 == 8 or 24.
template <int kOuter, int kDepth>
struct OperandLayout {
  static constexpr int outer = kOuter;  ///< along M or N
  static constexpr int depth = kDepth;  ///< along K
};

/// What one lane holds of a warp's kTilesM x kTilesN tiles; element e of a tile is
/// [lane / 4 + 8 (e / 2)][2 (lane % 4) + e % 2].
template <int kTilesM, int kTilesN>
using WarpSums = float[kTilesM][kTilesN][4];

/// a, b: at (row 0, k 0) and (k 0, column 0) of the warp's part of the tile.
template <Precision kPrecision, typename LayoutA, typename LayoutB, int kTilesM, int kTilesN>
__device__ __forceinline__ void multiply_step(const float* a, const float* b,
                                              float (&d)[kTilesM][kTilesN][4]) {
  const int group = static_cast<int>(threadIdx.x) % 32 / 4;
  const int member = static_cast<int>(threadIdx.x) % 4;
  if constexpr (kPrecision == Precision::tf32) {
    uint32_t fragment_b[kTilesN][2];
#pragma unroll
    for (int n = 0; n < kTilesN; ++n) {
      const float* column = b + (8 * n + group) * LayoutB::outer;
      fragment_b[n][0] = to_tf32(column[member * LayoutB::depth]);
      fragment_b[n][1] = to_tf32(column[(member + 4) * LayoutB::depth]);
    }
#pragma unroll
    for (int m = 0; m < kTilesM; ++m) {
      const float* low = a + (16 * m + group) * LayoutA::outer;
      const float* high = low + 8 * LayoutA::outer;
      const uint32_t fragment_a[4] = {to_tf32(low[member * LayoutA::depth]),
                                      to_tf32(high[member * LayoutA::depth]),
                                      to_tf32(low[(member + 4) * LayoutA::depth]),
                                      to_tf32(high[(member + 4) * LayoutA::depth])};
#pragma unroll
      for (int n = 0; n < kTilesN; ++n) mma_tf32(d[m][n], fragment_a, fragment_b[n]);
    }
  } else {
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      float columns[kTilesN][2];
#pragma unroll
      for (int n = 0; n < kTilesN; ++n) {
        columns[n][0] = b[(8 * n + 2 * member) * LayoutB::outer + k * LayoutB::depth];
        columns[n][1] = b[(8 * n + 2 * member + 1) * LayoutB::outer + k * LayoutB::depth];
      }
#pragma unroll
      for (int m = 0; m < kTilesM; ++m) {
        const float low = a[(16 * m + group) * LayoutA::outer + k * LayoutA::depth];
        const float high = a[(16 * m + group + 8) * LayoutA::outer + k * LayoutA::depth];
#pragma unroll
        for (int n = 0; n < kTilesN; ++n) {
          d[m][n][0] = fmaf(low, columns[n][0], d[m][n][0]);
          d[m][n][1] = fmaf(low, columns[n][1], d[m][n][1]);
          d[m][n][2] = fmaf(high, columns[n][0], d[m][n][2]);
          d[m][n][3] = fmaf(high, columns[n][1], d[m][n][3]);
        }
      }
    }
  }
}

}  // namespace trady::kernels::cuda
