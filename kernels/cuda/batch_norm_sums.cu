// The sums of batch-norm over the positions of a batch: mean and biased variance of z, and
// dgamma[c] = sum of dy * xhat, dbeta[c] = sum of dy (kernels/backend.h).
// Either needs two sums for each channel. They run in double, in an order that depends on the sizes
// alone: strided sums of a thread, threads of a block as a tree, pieces in ascending order. For the
// variance z is counted from its first row, so that the square of a mean that is far from 0 does
// not swallow it: the input is read once.
// Floor: 4 bytes an element for the statistics, 8 for the gradients; the sums of the pieces are
// 16 bytes a channel, written and read.
#include <algorithm>

#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/device/vector_access.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWidth = 4;  // columns of a thread
constexpr int kMostLanes = 32;
/// Enough pieces to fill a large GPU, of enough rows that their sums cost nothing beside them.
constexpr int64_t kMostPieces = 512;
constexpr int64_t kRowsOfThread = 8;

struct Sums {
  double first[kWidth] = {}, second[kWidth] = {};
};

struct BlockSums {
  double first[kWidth][kThreads], second[kWidth][kThreads];
};

/// The columns of a thread, of a matrix of `all` columns.
struct Columns {
  int64_t begin, all;
  int count;  ///< there may be fewer than kWidth, or none

  __device__ Columns(int64_t begin_, int64_t all_)
      : begin(begin_),
        all(all_),
        count(all - begin < kWidth ? static_cast<int>(all - begin) : kWidth) {}

  __device__ __forceinline__ void load(const float* matrix,  // [rows, all]
                                       int64_t row, float (&values)[kWidth]) const {
    const float* p = matrix + row * all + begin;
    if (all % kWidth == 0) {
      const float4 v = load4(p);
      values[0] = v.x, values[1] = v.y, values[2] = v.z, values[3] = v.w;
    } else {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) values[i] = i < count ? p[i] : 0;
    }
  }
};

/// Sums of d and d * d, d = z - the first row of z.
struct Deviations {
  const float* z;  // [rows, columns]

  __device__ const float* offsets() const { return z; }
  __device__ __forceinline__ void add(const Columns& columns, const float (&offset)[kWidth],
                                      int64_t row, Sums& sums) const {
    float values[kWidth];
    columns.load(z, row, values);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const double d = static_cast<double>(values[i]) - static_cast<double>(offset[i]);
      sums.first[i] += d;
      sums.second[i] += d * d;
    }
  }
};

/// Sums of dy and dy * (z - mean).
struct Gradients {
  const float* dy;    // [rows, columns]
  const float* z;     // [rows, columns]
  const float* mean;  // [columns]

  __device__ const float* offsets() const { return mean; }
  __device__ __forceinline__ void add(const Columns& columns, const float (&offset)[kWidth],
                                      int64_t row, Sums& sums) const {
    float values[kWidth], gradients[kWidth];
    columns.load(z, row, values);
    columns.load(dy, row, gradients);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const auto gradient = static_cast<double>(gradients[i]);
      sums.first[i] += gradient;
      sums.second[i] +=
          gradient * (static_cast<double>(values[i]) - static_cast<double>(offset[i]));
    }
  }
};

/// What pieces have left.
struct PieceSums {
  const double* sums;  // [rows, 2, columns]

  __device__ const float* offsets() const { return nullptr; }
  __device__ __forceinline__ void add(const Columns& columns, const float (&)[kWidth], int64_t row,
                                      Sums& to) const {
    const double* first = sums + 2 * row * columns.all + columns.begin;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      if (i >= columns.count) break;
      to.first[i] += first[i];
      to.second[i] += first[columns.all + i];
    }
  }
};

/// From the sums of Deviations.
struct Statistics {
  const float* z;  // [positions, columns]
  double positions;
  float* mean;      // [columns]
  float* variance;  // [columns]

  __device__ __forceinline__ void store(int64_t column, double sum, double squares) const {
    const double shift = sum / positions;
    const double value = (squares - sum * shift) / positions;
    mean[column] = static_cast<float>(static_cast<double>(z[column]) + shift);
    // Rounding may leave less than nothing. NaN stays.
    variance[column] = value < 0 ? 0.0F : static_cast<float>(value);
  }
};

/// From those of Gradients.
struct ParameterGradients {
  const float* variance;  // [columns]
  double epsilon;
  float* dgamma;  // [columns]
  float* dbeta;   // [columns]

  __device__ __forceinline__ void store(int64_t column, double sum, double products) const {
    dgamma[column] =
        static_cast<float>(products / sqrt(static_cast<double>(variance[column]) + epsilon));
    dbeta[column] = static_cast<float>(sum);
  }
};

// Block (i, t): piece i of the rows, `lanes` (a power of two) threads of kWidth columns side by
// side from column kWidth * lanes * t on, so that a block reads whole rows of narrow matrices and
// 512 contiguous bytes of wide ones. Thread: lane thread % lanes, rows thread / lanes, + kThreads /
// lanes, ...
template <typename Terms, typename Result>
__global__ void __launch_bounds__(kThreads)
    sum_pairs(Terms terms, int64_t rows, int64_t column_count, int lanes, int64_t piece_rows,
              double* piece_sums,  // [pieces, 2, columns], or null: there is one piece
              Result result) {
  auto& shared = shared_memory<BlockSums>();
  const int thread = static_cast<int>(threadIdx.x);
  const Columns columns(kWidth * (static_cast<int64_t>(blockIdx.y) * lanes + thread % lanes),
                        column_count);
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * piece_rows;
  const int64_t end = begin + piece_rows < rows ? begin + piece_rows : rows;
  Sums sums;
  if (columns.count > 0) {
    float offset[kWidth] = {};
    if (terms.offsets() != nullptr) columns.load(terms.offsets(), 0, offset);
#pragma unroll 4
    for (int64_t row = begin + thread / lanes; row < end; row += kThreads / lanes) {
      terms.add(columns, offset, row, sums);
    }
  }
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    shared.first[i][thread] = sums.first[i];
    shared.second[i][thread] = sums.second[i];
  }
  __syncthreads();
  for (int half = kThreads / 2; half >= lanes; half /= 2) {
    if (thread < half) {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        shared.first[i][thread] += shared.first[i][thread + half];
        shared.second[i][thread] += shared.second[i][thread + half];
      }
    }
    __syncthreads();
  }
  if (thread >= lanes) return;
  for (int i = 0; i < columns.count; ++i) {
    const int64_t column = columns.begin + i;
    if (piece_sums == nullptr) {
      result.store(column, shared.first[i][thread], shared.second[i][thread]);
      continue;
    }
    double* to = piece_sums + 2 * static_cast<int64_t>(blockIdx.x) * column_count + column;
    to[0] = shared.first[i][thread];
    to[column_count] = shared.second[i][thread];
  }
}

/// The two sums of `terms` over a matrix of `rows` rows, handed to `result`.
template <typename Terms, typename Result>
void sum_pairs_in_pieces(const char* name, Terms terms, Result result, int64_t rows,
                         int64_t columns, double* piece_sums, cudaStream_t stream) {
  if (columns == 0) return;
  int lanes = 1;
  while (lanes < kMostLanes && kWidth * lanes < columns) lanes *= 2;
  const int64_t most = std::clamp<int64_t>(kBatchNormPieceSums / (2 * columns), 1, kMostPieces);
  const int64_t piece_rows = std::max(kRowsOfThread * (kThreads / lanes), (rows + most - 1) / most);
  const int64_t pieces = (rows + piece_rows - 1) / piece_rows;
  const auto tiles = static_cast<unsigned>((columns + kWidth * lanes - 1) / (kWidth * lanes));
  const auto blocks = [&](int64_t count) {
    return Launch{name, dim3(static_cast<unsigned>(count), tiles, 1), dim3(kThreads, 1, 1),
                  sizeof(BlockSums), stream};
  };
  if (pieces > 1) {
    launch(blocks(pieces), sum_pairs<Terms, Result>, terms, rows, columns, lanes, piece_rows,
           piece_sums, result);
    launch(blocks(1), sum_pairs<PieceSums, Result>, PieceSums{piece_sums}, pieces, columns, lanes,
           pieces, nullptr, result);
  } else {
    launch(blocks(1), sum_pairs<Terms, Result>, terms, rows, columns, lanes, rows, nullptr, result);
  }
}

}  // namespace

void batch_statistics(const float* z, int64_t positions, int64_t channel_count, double* piece_sums,
                      float* mean, float* variance, cudaStream_t stream) {
  sum_pairs_in_pieces("batch_statistics", Deviations{z},
                      Statistics{z, static_cast<double>(positions), mean, variance}, positions,
                      channel_count, piece_sums, stream);
}

void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const float* dy, int64_t positions,
                                int64_t channel_count, double* piece_sums, float* dgamma,
                                float* dbeta, cudaStream_t stream) {
  sum_pairs_in_pieces(
      "batch_norm_grad_parameters",
      Gradients{dy, static_cast<const float*>(buffers.z), static_cast<const float*>(buffers.mean)},
      ParameterGradients{static_cast<const float*>(buffers.variance), buffers.epsilon, dgamma,
                         dbeta},
      positions, channel_count, piece_sums, stream);
}

}  // namespace trady::kernels::cuda
