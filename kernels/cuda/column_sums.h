// Sums over the rows of a matrix, piece by piece: what bias gradients, mean pooling and the last
// step of every split reduction are.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// out[i][c] = factor * sum of in[r][c] over rows i * piece_rows <= r < (i + 1) * piece_rows; the
/// last piece may be shorter. Device pointers; in: [rows, columns], out: [pieces, columns].
struct ColumnSums {
  const float* in = nullptr;
  int64_t rows = 0, columns = 0;
  int64_t piece_rows = 0;
  float factor = 1;
  float* out = nullptr;
};
void column_sums(const ColumnSums& sums, cudaStream_t stream);

}  // namespace trady::kernels::cuda
