// dw[j, ky, kx] = sum over n, oy, ox of dy[n, oy, ox, channels[j]] * x[n, iy, ix, j], x packed
// [N, H, W, count] (docs/method.md section 1: dW[c] needs x[..., c] alone).
// A thread walks rows of dy for one j and keeps all k * k sums in registers: at each step it loads
// one dy and the k x-values below each other of `stride` columns, and lets the last k / stride dys
// meet them. Rows are split into pieces of a fixed size; sums run over a thread's rows, lanes,
// warps and pieces in fixed order.
// Floor: 4 * count * in_positions bytes of x, and of dy the 32-byte sectors that hold the listed
// channels, at most 32 * count * out_positions.
#include <algorithm>

#include "kernels/cuda/column_sums.h"
#include "kernels/cuda/depthwise_passes.h"
#include "kernels/cuda/depthwise_strip.cuh"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/traffic.h"
#include "kernels/cuda/window.cuh"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / 32;
/// Enough pieces to fill a large GPU with the shortest lists, few enough to add up in no time.
constexpr int64_t kMostPieces = 512;
constexpr int64_t kRowsOfThread = 4;

struct Args {
  const float* x;           // [N, H, W, count]
  const float* dy;          // [N, H', W', C]
  const int32_t* channels;  // [count]
  int count, all_channels;  // count, C
  int rows, piece_rows;     // N * H' and how many of them a piece has
  float* sums;              // [pieces, count, k, k]
};

template <int K>
struct WarpSums {
  float at[kWarps][K * K][32];
};

// Block (i, l): piece i of the rows, `lanes` (a power of two) channels from l * lanes on. Thread t:
// channel t % lanes, rows t / lanes, + kThreads / lanes, ...
template <int K, int S>
__global__ void __launch_bounds__(kThreads) grad_weight_rows(Window g, int lanes, Args a) {
  constexpr int kReaders = (K + S - 1) / S;  // outputs of a row that read one input pixel, at most
  auto& shared = shared_memory<WarpSums<K>>();
  const int thread = static_cast<int>(threadIdx.x);
  const int j = static_cast<int>(blockIdx.y) * lanes + thread % lanes;
  const int begin = static_cast<int>(blockIdx.x) * a.piece_rows;
  const int end = begin + a.piece_rows < a.rows ? begin + a.piece_rows : a.rows;

  float sums[K][K] = {};
  if (j < a.count) {
    const int channel = a.channels[j];
    for (int row = begin + thread / lanes; row < end; row += kThreads / lanes) {
      const int image = row / g.out_h;
      const int first_iy = row % g.out_h * S - g.padding;
      const float* dy = a.dy + static_cast<int64_t>(row) * g.out_w * a.all_channels + channel;
      float readers[kReaders] = {};  // dy at ox = step, step - 1, ...
      for (int step = 0; step < g.out_w + kReaders - 1; ++step) {
#pragma unroll
        for (int m = kReaders - 1; m > 0; --m) readers[m] = readers[m - 1];
        readers[0] = step < g.out_w ? dy[static_cast<int64_t>(step) * a.all_channels] : 0;
#pragma unroll
        for (int r = 0; r < S; ++r) {
          const int ix = step * S - g.padding + r;
          if (ix < 0 || ix >= g.in_w) continue;
#pragma unroll
          for (int ky = 0; ky < K; ++ky) {
            const int iy = first_iy + ky;
            if (iy < 0 || iy >= g.in_h) continue;
            const float x =
                a.x[static_cast<int64_t>((image * g.in_h + iy) * g.in_w + ix) * a.count + j];
#pragma unroll
            for (int m = 0; r + S * m < K; ++m) {
              sums[ky][r + S * m] = fmaf(x, readers[m], sums[ky][r + S * m]);
            }
          }
        }
      }
    }
  }

  // Lanes of one channel, then warps.
#pragma unroll
  for (int tap = 0; tap < K * K; ++tap) {
    float sum = sums[tap / K][tap % K];
    for (int distance = 16; distance >= lanes; distance /= 2) {
      sum += __shfl_xor_sync(0xFFFFFFFFU, sum, distance);
    }
    if (thread % 32 < lanes) shared.at[thread / 32][tap][thread % 32] = sum;
  }
  __syncthreads();
  for (int i = thread; i < lanes * K * K; i += kThreads) {
    const int lane = i / (K * K);
    const int tap = i % (K * K);
    const int at = static_cast<int>(blockIdx.y) * lanes + lane;
    if (at >= a.count) break;
    float sum = shared.at[0][tap][lane];
    for (int warp = 1; warp < kWarps; ++warp) sum += shared.at[warp][tap][lane];
    a.sums[(static_cast<int64_t>(blockIdx.x) * a.count + at) * (K * K) + tap] = sum;
  }
}

// Any kernel and stride. Block (i, l): piece i of the rows; a thread sums one tap of one channel.
__global__ void __launch_bounds__(kThreads) grad_weight_plain(Window g, Args a) {
  const int taps = g.kernel * g.kernel;
  const int at = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
  if (at >= a.count * taps) return;
  const int j = at / taps;
  const int ky = at % taps / g.kernel;
  const int kx = at % g.kernel;
  const int begin = static_cast<int>(blockIdx.x) * a.piece_rows * g.out_w;
  const int rows_left = a.rows - static_cast<int>(blockIdx.x) * a.piece_rows;
  const int end = begin + (rows_left < a.piece_rows ? rows_left : a.piece_rows) * g.out_w;
  float sum = 0;
  for (int position = begin; position < end; ++position) {
    const int from = input_position(g, Position(position, g.out_h, g.out_w), ky, kx);
    if (from < 0) continue;
    sum = fmaf(a.x[static_cast<int64_t>(from) * a.count + j],
               a.dy[static_cast<int64_t>(position) * a.all_channels + a.channels[j]], sum);
  }
  a.sums[static_cast<int64_t>(blockIdx.x) * a.count * taps + at] = sum;
}

class DepthwiseGradWeight final : public ConvGradWeight {
 public:
  DepthwiseGradWeight(const ConvShape& shape, int64_t count, cudaStream_t stream)
      : shape_(shape), count_(count), stream_(stream) {
    check_slices(shape, SliceKind::input_channels, count);
    while (lanes_ < 32 && lanes_ < count) lanes_ *= 2;
    const int64_t rows = shape.batch * shape.out_h();
    const int64_t rows_at_once = kThreads / lanes_;
    const int64_t shares = (rows + kMostPieces * rows_at_once - 1) / (kMostPieces * rows_at_once);
    piece_rows_ = rows_at_once * std::max(kRowsOfThread, shares);
    pieces_ = (rows + piece_rows_ - 1) / piece_rows_;
  }

  int64_t scratch_bytes() const override {
    return pieces_ > 1 ? pieces_ * count_ * shape_.taps() * int64_t{sizeof(float)} : 0;
  }

  void run(const Buffers& b) const override {
    if (count_ == 0) return;
    const ConvShape& s = shape_;
    auto* dw = static_cast<float*>(b.dw);
    const Args args{static_cast<const float*>(b.x),
                    static_cast<const float*>(b.dy),
                    b.channels.index,
                    static_cast<int>(count_),
                    static_cast<int>(s.in_c),
                    static_cast<int>(s.batch * s.out_h()),
                    static_cast<int>(piece_rows_),
                    pieces_ > 1 ? static_cast<float*>(b.scratch) : dw};
    const auto pieces = static_cast<unsigned>(pieces_);
    if (has_kernel_and_stride(s)) {
      const dim3 grid(pieces, static_cast<unsigned>((count_ + lanes_ - 1) / lanes_), 1);
      with_kernel_and_stride(s, [&]<int K, int S>() {
        launch({"depthwise_grad_weight", grid, dim3(kThreads, 1, 1), sizeof(WarpSums<K>), stream_},
               grad_weight_rows<K, S>, Window(s), static_cast<int>(lanes_), args);
      });
    } else {
      const int64_t blocks = (count_ * s.taps() + kThreads - 1) / kThreads;
      const dim3 grid(pieces, static_cast<unsigned>(blocks), 1);
      launch({"depthwise_grad_weight_plain", grid, dim3(kThreads, 1, 1), 0, stream_},
             grad_weight_plain, Window(s), args);
    }
    if (pieces_ > 1) {
      column_sums({.in = args.sums,
                   .rows = pieces_,
                   .columns = count_ * s.taps(),
                   .piece_rows = pieces_,
                   .out = dw},
                  stream_);
    }
    work_counters().count_grad_weight(
        s.out_positions() * s.taps() * count_,
        grad_weight_bytes(s, SliceKind::input_channels, count_, scratch_bytes()));
  }

 private:
  ConvShape shape_;
  int64_t count_;
  cudaStream_t stream_;
  int64_t lanes_ = 1;  ///< channels of a block
  int64_t piece_rows_ = 0, pieces_ = 0;
};

}  // namespace

std::unique_ptr<ConvGradWeight> make_depthwise_grad_weight(const ConvShape& shape, int64_t count,
                                                           cudaStream_t stream) {
  return std::make_unique<DepthwiseGradWeight>(shape, count, stream);
}

}  // namespace trady::kernels::cuda
