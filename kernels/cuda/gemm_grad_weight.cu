// dw[o, tap, j] = sum over positions p of dy[p, o] x[in(p, tap), j], for the listed slices alone:
// a GEMM of M = output channels, N = taps * columns and K = positions, where K is huge and N small.
// Every block takes a range of positions and reads its dy once; partial sums go to scratch and are
// added in a fixed order (column_sums.h), so that the result depends on nothing but the shape.
// Within a block the warps share the depth of a tile, and their sums are added in warp order.
// Floor: the bytes of dy, read once (N <= 32), and of the packed x. At n <= 40 channels even fp32
// units keep up with the memory of an H100 (n / 4 multiply-adds a byte against 10).
#include <algorithm>

#include "kernels/cuda/column_sums.h"
#include "kernels/cuda/device/async_copy.cuh"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/gemm_passes.h"
#include "kernels/cuda/gemm_tile.cuh"
#include "kernels/cuda/traffic.h"
#include "kernels/cuda/window.cuh"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kStages = 3;
/// Blocks that fill a GPU of up to 132 processors twice; a constant, so that sums are the same on
/// every device.
constexpr int64_t kBlocks = 264;

struct Problem {
  const float* x;       // [in positions, columns]
  const float* dy;      // [out positions, out_c]
  const int32_t* list;  // [rows]: the row's output channel; null: row is the channel
  float* sums;          // [ranges, rows, taps * columns]
  int positions, range;
  int rows, columns, width;  // width = taps * columns
  int out_c;
  bool vector_dy, vector_x;  // rows of 16-byte multiples, as async_copy16 wants them
  Window window;
};

/// Threads of a block: 4 warps. Grid: (row tiles, column tiles, ranges of positions).
template <int kM, int kN>
struct Tile {
  static constexpr int kK = kM == 64 ? 32 : 64;
  static constexpr int kPitchM = kM + 8;
  static constexpr int kPitchN = kN == 8 ? 8 : kN + 8;
  struct Stage {
    float dy[kK][kPitchM];
    float x[kK][kPitchN];
  };
  union {
    Stage stages[kStages];
    float sums[kWarps][kM][kN];  // after the last stage
  };
};

/// Copies dy[first + k, row0 + m] and x[in(first + k), col0 + n]; zeros beyond the ends.
template <int kM, int kN>
__device__ void load_stage(const Problem& p, int first, int end, int row0, int col0,
                           typename Tile<kM, kN>::Stage& stage) {
  constexpr int kK = Tile<kM, kN>::kK;
  const int thread = static_cast<int>(threadIdx.x);
  if (p.vector_dy) {
    for (int i = thread; i < kK * kM / 4; i += kThreads) {
      const int k = i / (kM / 4), m = i % (kM / 4) * 4;
      const bool valid = first + k < end && row0 + m < p.rows;
      const float* from = p.dy + (valid ? static_cast<int64_t>(first + k) * p.out_c + row0 + m : 0);
      async_copy16(&stage.dy[k][m], from, valid);
    }
  } else {
    for (int i = thread; i < kK * kM; i += kThreads) {
      const int k = i / kM, m = i % kM;
      const bool valid = first + k < end && row0 + m < p.rows;
      const int channel = valid ? (p.list == nullptr ? row0 + m : p.list[row0 + m]) : 0;
      const float* from = p.dy + (valid ? static_cast<int64_t>(first + k) * p.out_c + channel : 0);
      async_copy4(&stage.dy[k][m], from, valid);
    }
  }
  if (p.vector_x) {
    for (int i = thread; i < kK * kN / 4; i += kThreads) {
      const int k = i / (kN / 4), n = i % (kN / 4) * 4;
      const bool valid = first + k < end && col0 + n < p.width;
      const float* from =
          p.x + (valid ? static_cast<int64_t>(first + k) * p.columns + col0 + n : 0);
      async_copy16(&stage.x[k][n], from, valid);
    }
    return;
  }
  // A thread stays in its column, because kThreads is a multiple of kN.
  const int column = col0 + thread % kN;
  const int tap = column / p.columns;
  const int ky = tap / p.window.kernel, kx = tap % p.window.kernel;
  for (int i = thread; i < kK * kN; i += kThreads) {
    const int k = i / kN;
    int position = -1;
    if (first + k < end && column < p.width) {
      position = p.window.is_pointwise()
                     ? first + k
                     : input_position(p.window, Position(first + k, p.window.out_h, p.window.out_w),
                                      ky, kx);
    }
    const bool valid = position >= 0;
    const float* from =
        p.x + (valid ? static_cast<int64_t>(position) * p.columns + column % p.columns : 0);
    async_copy4(&stage.x[k][thread % kN], from, valid);
  }
}

template <Precision kPrecision, int kM, int kN>
__global__ void __launch_bounds__(kThreads) grad_weight_kernel(Problem p) {
  using T = Tile<kM, kN>;
  T& tile = shared_memory<T>();
  const int row0 = static_cast<int>(blockIdx.x) * kM;
  const int col0 = static_cast<int>(blockIdx.y) * kN;
  const int begin = static_cast<int>(blockIdx.z) * p.range;
  const int end = min(begin + p.range, p.positions);
  const int chunks = (end - begin + T::kK - 1) / T::kK;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;

  WarpSums<kM / 16, kN / 8> sums = {};
  for (int stage = 0; stage < kStages - 1; ++stage) {
    if (stage < chunks) {
      load_stage<kM, kN>(p, begin + stage * T::kK, end, row0, col0, tile.stages[stage]);
    }
    async_commit();
  }
  for (int chunk = 0; chunk < chunks; ++chunk) {
    async_wait<kStages - 2>();
    __syncthreads();  // this chunk is there, and nobody reads the stage that is filled next
    const int ahead = chunk + kStages - 1;
    if (ahead < chunks) {
      load_stage<kM, kN>(p, begin + ahead * T::kK, end, row0, col0, tile.stages[ahead % kStages]);
    }
    async_commit();
    const typename T::Stage& stage = tile.stages[chunk % kStages];
    for (int k = 8 * warp; k < T::kK; k += 8 * kWarps) {
      multiply_step<kPrecision, OperandLayout<1, T::kPitchM>, OperandLayout<1, T::kPitchN>>(
          stage.dy[k], stage.x[k], sums);
    }
  }
  async_wait<0>();
  __syncthreads();
#pragma unroll
  for (int m = 0; m < kM / 16; ++m) {
#pragma unroll
    for (int n = 0; n < kN / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        tile.sums[warp][16 * m + lane / 4 + 8 * (e / 2)][8 * n + 2 * (lane % 4) + e % 2] =
            sums[m][n][e];
      }
    }
  }
  __syncthreads();
  float* out = p.sums + static_cast<int64_t>(blockIdx.z) * p.rows * p.width;
  for (int i = static_cast<int>(threadIdx.x); i < kM * kN; i += kThreads) {
    const int row = i / kN, column = i % kN;
    if (row0 + row >= p.rows || col0 + column >= p.width) continue;
    float sum = 0;
    for (int w = 0; w < kWarps; ++w) sum += tile.sums[w][row][column];
    out[static_cast<int64_t>(row0 + row) * p.width + col0 + column] = sum;
  }
}

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

class GemmGradWeight final : public ConvGradWeight {
 public:
  GemmGradWeight(const ConvShape& shape, SliceKind kind, int64_t count, Precision precision,
                 cudaStream_t stream)
      : shape_(shape), kind_(kind), count_(count), precision_(precision), stream_(stream) {
    check_slices(shape, kind, count);
    const bool outputs = kind == SliceKind::output_channels;
    rows_ = outputs ? count : shape.out_c;
    columns_ = outputs ? shape.in_c : count;
    width_ = shape.taps() * columns_;
    if (rows_ == 0 || width_ == 0) return;
    tile_m_ = rows_ <= 16 ? 16 : rows_ <= 32 ? 32 : 64;
    tile_n_ = width_ <= 8 ? 8 : 32;
    const int64_t tiles = ceil_div(rows_, tile_m_) * ceil_div(width_, tile_n_);
    // At least four chunks a range, so that the pipeline has something to overlap.
    const int64_t depth = tile_m_ == 64 ? 32 : 64;
    const int64_t most = ceil_div(shape.out_positions(), 4 * depth);
    const int64_t wanted = std::clamp<int64_t>(kBlocks / tiles, 1, most);
    range_ = ceil_div(ceil_div(shape.out_positions(), wanted), depth) * depth;
    ranges_ = ceil_div(shape.out_positions(), range_);
  }

  int64_t scratch_bytes() const override {
    return ranges_ > 1 ? ranges_ * rows_ * width_ * static_cast<int64_t>(sizeof(float)) : 0;
  }

  void run(const Buffers& b) const override {
    if (rows_ == 0 || width_ == 0) return;
    work_counters().count_grad_weight(shape_.out_positions() * rows_ * width_,
                                      grad_weight_bytes(shape_, kind_, count_, scratch_bytes()));
    float* dw = static_cast<float*>(b.dw);
    const bool gathers = kind_ == SliceKind::output_channels && rows_ < shape_.out_c;
    Problem p{.x = static_cast<const float*>(b.x),
              .dy = static_cast<const float*>(b.dy),
              .list = gathers ? b.channels.index : nullptr,
              .sums = ranges_ > 1 ? static_cast<float*>(b.scratch) : dw,
              .positions = static_cast<int>(shape_.out_positions()),
              .range = static_cast<int>(range_),
              .rows = static_cast<int>(rows_),
              .columns = static_cast<int>(columns_),
              .width = static_cast<int>(width_),
              .out_c = static_cast<int>(shape_.out_c),
              .vector_dy = !gathers && shape_.out_c % 4 == 0,
              .vector_x = false,
              .window = Window(shape_)};
    p.vector_x = p.window.is_pointwise() && columns_ % 4 == 0;
    if (precision_ == Precision::tf32) {
      launch_tiles<Precision::tf32>(p);
    } else {
      launch_tiles<Precision::fp32>(p);
    }
    if (ranges_ == 1) return;
    column_sums({.in = p.sums,
                 .rows = ranges_,
                 .columns = rows_ * width_,
                 .piece_rows = ranges_,
                 .out = dw},
                stream_);
  }

 private:
  template <Precision kPrecision>
  void launch_tiles(const Problem& p) const {
    if (tile_n_ == 8) {
      launch_columns<kPrecision, 8>(p);
    } else {
      launch_columns<kPrecision, 32>(p);
    }
  }
  template <Precision kPrecision, int kN>
  void launch_columns(const Problem& p) const {
    if (tile_m_ == 16) {
      launch_kernel<kPrecision, 16, kN>(p);
    } else if (tile_m_ == 32) {
      launch_kernel<kPrecision, 32, kN>(p);
    } else {
      launch_kernel<kPrecision, 64, kN>(p);
    }
  }
  template <Precision kPrecision, int kM, int kN>
  void launch_kernel(const Problem& p) const {
    const dim3 grid(static_cast<unsigned>(ceil_div(rows_, kM)),
                    static_cast<unsigned>(ceil_div(width_, kN)), static_cast<unsigned>(ranges_));
    launch({"grad_weight", grid, dim3(kThreads), sizeof(Tile<kM, kN>), stream_},
           grad_weight_kernel<kPrecision, kM, kN>, p);
  }

  ConvShape shape_;
  SliceKind kind_;
  int64_t count_;
  Precision precision_;
  cudaStream_t stream_;
  int64_t rows_ = 0, columns_ = 0, width_ = 0;
  int64_t tile_m_ = 16, tile_n_ = 8;
  int64_t range_ = 0, ranges_ = 0;
};

}  // namespace

std::unique_ptr<ConvGradWeight> make_gemm_grad_weight(const ConvShape& shape, SliceKind kind,
                                                      int64_t count, Precision precision,
                                                      cudaStream_t stream) {
  return std::make_unique<GemmGradWeight>(shape, kind, count, precision, stream);
}

}  // namespace trady::kernels::cuda
