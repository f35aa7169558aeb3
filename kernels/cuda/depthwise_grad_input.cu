// dx[n, iy, ix, c] (=|+=) sum over the taps (ky, kx) of dy[n, oy, ox, c] * w[c, ky, kx]
// where (oy, ox) is the output that reads (iy, ix) through that tap, if there is one: a gather, so
// that every dx is stored once; zero where a mask has a clear bit. NHWC, w [C][k][k].
// Floor: dy read and dx written once, 4 * (out_elements + in_elements) bytes; accumulating reads dx
// too, another 4 * in_elements.
#include "kernels/cuda/depthwise_passes.h"
#include "kernels/cuda/depthwise_strip.cuh"
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"
#include "kernels/cuda/mask_bits.cuh"
#include "kernels/cuda/traffic.h"
#include "kernels/cuda/window.cuh"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

struct Args {
  const float* dy;      // [N, H', W', C]
  const float* w;       // [C, k, k]
  float* dx;            // [N, H, W, C]
  const uint8_t* mask;  // [N * H * W * C / 8, up] or null
  bool accumulate;
};

/// Pixels that the first strip of a row starts before the image: a strip starts where padded
/// coordinates divide by the stride, so that which tap joins which pixels is known to the compiler.
inline int64_t strip_lead(const ConvShape& s) {
  return s.padding % s.stride;
}

// Block, thread: StripPlace; a strip is kStrip pixels of a row of dx, from ix = strip * kStrip -
// lead on. Pixel t of it is read by output first_ox + d through tap kx = t - d * S.
template <int K, int S>
__global__ void __launch_bounds__(kStripThreads)
    grad_input_strips(Window g, StripTiling tiling, Args a) {
  static_assert(kStrip % S == 0);
  const StripFilters<K>& filters = load_filters<K>(a.w, tiling);
  const StripPlace place(tiling);
  if (!place.exists) return;  // no barrier follows
  const int image = place.row / g.in_h;
  const int iy = place.row % g.in_h;
  const int first_ix = place.strip * kStrip - g.padding % S;
  const int first_ox = (first_ix + g.padding) / S;

  float4 sums[kStrip] = {};
#pragma unroll 1
  for (int ky = 0; ky < K; ++ky) {
    const int padded_oy = iy + g.padding - ky;
    const int oy = padded_oy / S;
    if (padded_oy < 0 || padded_oy % S != 0 || oy >= g.out_h) continue;
    float4 w[K];
#pragma unroll
    for (int kx = 0; kx < K; ++kx) w[kx] = load4(&filters.at[ky * K + kx][place.channel_in_tile]);
    const float* row = a.dy +
                       static_cast<int64_t>(image * g.out_h + oy) * g.out_w * tiling.channels +
                       place.channel;
#pragma unroll
    for (int d = -((K - 1) / S); d <= (kStrip - 1) / S; ++d) {
      const int ox = first_ox + d;
      if (ox < 0 || ox >= g.out_w) continue;
      const float4 dy = load4(row + static_cast<int64_t>(ox) * tiling.channels);
#pragma unroll
      for (int t = 0; t < kStrip; ++t) {
        const int kx = t - d * S;
        if (kx >= 0 && kx < K) multiply_add(dy, w[kx], sums[t]);
      }
    }
  }
#pragma unroll
  for (int t = 0; t < kStrip; ++t) {
    const int ix = first_ix + t;
    if (ix < 0 || ix >= g.in_w) continue;
    const int64_t at =
        (static_cast<int64_t>(place.row) * g.in_w + ix) * tiling.channels + place.channel;
    const float4 dx = a.accumulate ? sum_of(load4(a.dx + at), sums[t]) : sums[t];
    store4(a.dx + at, a.mask != nullptr ? masked4(a.mask, at, dx) : dx);
  }
}

// A thread makes one dx.
__global__ void __launch_bounds__(kFlatThreads)
    grad_input_plain(Window g, int channels, int64_t inputs, Args a) {
  const int64_t at = flat_index();
  if (at >= inputs) return;
  const int c = static_cast<int>(at % channels);
  const Position in(static_cast<int>(at / channels), g.in_h, g.in_w);
  float sum = 0;
  for (int ky = 0; ky < g.kernel; ++ky) {
    for (int kx = 0; kx < g.kernel; ++kx) {
      const int reader = output_position(g, in, ky, kx);
      if (reader < 0) continue;
      sum = fmaf(a.dy[static_cast<int64_t>(reader) * channels + c],
                 a.w[(c * g.kernel + ky) * g.kernel + kx], sum);
    }
  }
  const float dx = a.accumulate ? a.dx[at] + sum : sum;
  a.dx[at] = a.mask == nullptr || mask_bit(a.mask, at) ? dx : 0;
}

class DepthwiseGradInput final : public ConvGradInput {
 public:
  DepthwiseGradInput(const ConvShape& shape, cudaStream_t stream) : shape_(shape), stream_(stream) {
    check_shape(shape);
  }

  int64_t scratch_bytes() const override { return 0; }

  bool masks_gradient() const override { return true; }
  void run(const Buffers& b, GradientMode mode) const override {
    const ConvShape& s = shape_;
    const Args args{static_cast<const float*>(b.dy), static_cast<const float*>(b.w),
                    static_cast<float*>(b.dx), b.mask, mode == GradientMode::accumulate};
    if (suits_strips(s)) {
      const StripTiling tiling = make_strip_tiling(s.in_c, s.batch * s.in_h,
                                                   (s.in_w + strip_lead(s) + kStrip - 1) / kStrip);
      with_kernel_and_stride(s, [&]<int K, int S>() {
        launch(strip_launch<K>("depthwise_grad_input", tiling, stream_), grad_input_strips<K, S>,
               Window(s), tiling, args);
      });
    } else {
      launch(flat_launch("depthwise_grad_input_plain", s.in_elements(), stream_), grad_input_plain,
             Window(s), static_cast<int>(s.in_c), s.in_elements(), args);
    }
    work_counters().count_grad_input(s.out_elements() * s.taps(),
                                     grad_input_bytes(s, mode, b.mask != nullptr));
  }

 private:
  ConvShape shape_;
  cudaStream_t stream_;
};

}  // namespace

std::unique_ptr<ConvGradInput> make_depthwise_grad_input(const ConvShape& shape,
                                                         cudaStream_t stream) {
  return std::make_unique<DepthwiseGradInput>(shape, stream);
}

}  // namespace trady::kernels::cuda
