// out[i][c] = factor * sum over the rows of piece i of in[r][c].
// Every input is read once: the floor is 4 * rows * columns bytes. The order of a sum depends on
// the sizes alone: kRows interleaved sums in fp32, then these in ascending order.
#include "kernels/cuda/column_sums.h"

#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"

namespace trady::kernels::cuda {
namespace {

constexpr int kColumns = 32;
constexpr int kRows = 8;

struct RowSums {
  float at[kRows][kColumns];
};

// Block (i, t): piece i, columns 32 t on. Warp w adds rows w, w + 8, ...; a lane is a column, so a
// warp reads 128 contiguous bytes.
__global__ void __launch_bounds__(kColumns* kRows)
    sum_columns(const float* in,  // [rows, columns]
                int64_t rows, int64_t columns, int64_t piece_rows, float factor,
                float* out) {  // [pieces, columns]
  auto& shared = shared_memory<RowSums>();
  const int lane = static_cast<int>(threadIdx.x) % kColumns;
  const int warp = static_cast<int>(threadIdx.x) / kColumns;
  const int64_t column = static_cast<int64_t>(blockIdx.y) * kColumns + lane;
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * piece_rows;
  const int64_t end = begin + piece_rows < rows ? begin + piece_rows : rows;
  float sum = 0;
  if (column < columns) {
#pragma unroll 4
    for (int64_t row = begin + warp; row < end; row += kRows) sum += in[row * columns + column];
  }
  shared.at[warp][lane] = sum;
  __syncthreads();
  if (warp == 0 && column < columns) {
    for (int i = 1; i < kRows; ++i) sum += shared.at[i][lane];
    out[static_cast<int64_t>(blockIdx.x) * columns + column] = factor * sum;
  }
}

}  // namespace

void column_sums(const ColumnSums& s, cudaStream_t stream) {
  const int64_t pieces = s.rows == 0 ? 1 : (s.rows + s.piece_rows - 1) / s.piece_rows;
  const dim3 grid(static_cast<unsigned>(pieces),
                  static_cast<unsigned>((s.columns + kColumns - 1) / kColumns), 1);
  launch({"column_sums", grid, dim3(kColumns * kRows, 1, 1), sizeof(RowSums), stream}, sum_columns,
         s.in, s.rows, s.columns, s.piece_rows, s.factor, s.out);
}

}  // namespace trady::kernels::cuda
