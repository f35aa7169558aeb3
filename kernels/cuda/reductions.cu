// db[o] = sum over positions of dy[p][o];  y[n][c] = mean over positions of x[n][p][c], and its
// gradient dx[n][p][c] = dy[n][c] / positions.  All are column sums (column_sums.h) in a fixed
// order but the last, which writes 4 bytes an element. Floor of the others: the input read once.
#include <algorithm>

#include "kernels/cuda/column_sums.h"
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

/// Rows of a piece of a bias gradient, at least: 16 for each thread.
constexpr int64_t kPieceRows = 128;
constexpr int64_t kMostPieces = 512;

// A thread makes one element of dx.
__global__ void __launch_bounds__(kFlatThreads)
    spread_mean(const float* dy,  // [N, C]
                int64_t elements, int64_t positions, int64_t channel_count,
                float* dx) {  // [N, P, C]
  const int64_t i = flat_index();
  if (i >= elements) return;
  const int64_t image = i / (positions * channel_count);
  dx[i] = dy[image * channel_count + i % channel_count] / static_cast<float>(positions);
}

}  // namespace

void grad_bias(const float* dy, int64_t positions, int64_t channel_count, float* partial_sums,
               float* db, cudaStream_t stream) {
  if (channel_count == 0) return;
  const int64_t most = std::clamp<int64_t>(kGradBiasPartialSums / channel_count, 1, kMostPieces);
  const int64_t piece_rows = std::max(kPieceRows, (positions + most - 1) / most);
  const int64_t pieces = (positions + piece_rows - 1) / piece_rows;
  const bool split = pieces > 1;
  column_sums({.in = dy,
               .rows = positions,
               .columns = channel_count,
               .piece_rows = piece_rows,
               .out = split ? partial_sums : db},
              stream);
  if (!split) return;
  column_sums({.in = partial_sums,
               .rows = pieces,
               .columns = channel_count,
               .piece_rows = pieces,
               .out = db},
              stream);
}

void mean_pool_forward(const float* x, int64_t batch, int64_t positions, int64_t channel_count,
                       float* y, cudaStream_t stream) {
  if (batch == 0) return;
  column_sums({.in = x,
               .rows = batch * positions,
               .columns = channel_count,
               .piece_rows = positions,
               .factor = 1.0F / static_cast<float>(positions),
               .out = y},
              stream);
}

void mean_pool_backward(const float* dy, int64_t batch, int64_t positions, int64_t channel_count,
                        float* dx, cudaStream_t stream) {
  const int64_t elements = batch * positions * channel_count;
  launch(flat_launch("mean_pool_backward", elements, stream), spread_mean, dy, elements, positions,
         channel_count, dx);
}

}  // namespace trady::kernels::cuda
