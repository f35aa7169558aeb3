// y[n, oy, ox, c] = activation(bias[c] + residual[n, oy, ox, c]
//                              + sum over ky, kx of x[n, iy, ix, c] * w[c, ky, kx])
// with iy = oy * stride - padding + ky, ix likewise. NHWC, w [C][k][k].
// The epilogue also keeps the mask and packs the channels that a later weight gradient needs.
// Floor: x read and y written once, 4 * (in_elements + out_elements) bytes, the residual another
// 4 * out_elements, the mask out_elements / 8. The k * k reads of a pixel meet in L1: a strip of
// kStrip outputs takes (kStrip - 1) * stride + k of a row's pixels instead of kStrip * k.
#include "kernels/cuda/depthwise_passes.h"
#include "kernels/cuda/depthwise_strip.cuh"
#include "kernels/cuda/device/activation.cuh"
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"
#include "kernels/cuda/mask_from_output.h"
#include "kernels/cuda/traffic.h"
#include "kernels/cuda/window.cuh"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

struct Args {
  const float* x;         // [N, H, W, C]
  const float* w;         // [C, k, k]
  const float* bias;      // [C]
  const float* residual;  // [N, H', W', C] or null; may be y
  float* y;               // [N, H', W', C]
  uint8_t* mask;          // [N * H' * W' * C / 8] or null
  PackedSave save;        // slot [C], out [N * H' * W', count]
};

/// Packs 4 channels of one position.
__device__ __forceinline__ void save4(const PackedSave& save, const int (&slots)[4], int position,
                                      float4 y) {
  float* out = static_cast<float*>(save.out) + static_cast<int64_t>(position) * save.count;
  if (slots[0] >= 0) out[slots[0]] = y.x;
  if (slots[1] >= 0) out[slots[1]] = y.y;
  if (slots[2] >= 0) out[slots[2]] = y.z;
  if (slots[3] >= 0) out[slots[3]] = y.w;
}

// Block, thread: StripPlace; a strip is kStrip outputs of a row. Where mask is given, C % 8 == 0:
// each thread has half a byte, the even one of two neighbours stores both.
template <int K, int S>
__global__ void __launch_bounds__(kStripThreads)
    forward_strips(Window g, StripTiling tiling, Activation activation, Args a) {
  const StripFilters<K>& filters = load_filters<K>(a.w, tiling);
  const StripPlace place(tiling);
  const int image = place.row / g.out_h;
  const int oy = place.row % g.out_h;
  const int first_ox = place.strip * kStrip;

  float4 sums[kStrip] = {};
  if (place.exists) {
#pragma unroll 1
    for (int ky = 0; ky < K; ++ky) {
      const int iy = oy * S - g.padding + ky;
      if (iy < 0 || iy >= g.in_h) continue;
      float4 w[K];
#pragma unroll
      for (int kx = 0; kx < K; ++kx) w[kx] = load4(&filters.at[ky * K + kx][place.channel_in_tile]);
      const int first_ix = first_ox * S - g.padding;
      const float* row = a.x +
                         static_cast<int64_t>(image * g.in_h + iy) * g.in_w * tiling.channels +
                         place.channel;
#pragma unroll
      for (int i = 0; i < (kStrip - 1) * S + K; ++i) {
        const int ix = first_ix + i;
        if (ix < 0 || ix >= g.in_w) continue;
        const float4 x = load4(row + static_cast<int64_t>(ix) * tiling.channels);
#pragma unroll
        for (int t = 0; t < kStrip; ++t) {
          const int kx = i - t * S;
          if (kx >= 0 && kx < K) multiply_add(x, w[kx], sums[t]);
        }
      }
    }
  }

  float4 bias = make_float4(0, 0, 0, 0);
  int slots[4] = {-1, -1, -1, -1};
  if (place.exists) {
    bias = load4(a.bias + place.channel);
    for (int i = 0; i < 4 && a.save.slot; ++i) slots[i] = a.save.slot[place.channel + i];
  }
#pragma unroll
  for (int t = 0; t < kStrip; ++t) {
    const int ox = first_ox + t;
    const bool exists = place.exists && ox < g.out_w;
    const int position = place.row * g.out_w + ox;
    const int64_t at = static_cast<int64_t>(position) * tiling.channels + place.channel;
    unsigned bits = 0;
    if (exists) {
      float4 y = sum_of(sums[t], bias);
      if (a.residual) y = sum_of(y, load4(a.residual + at));
      bits = (passes_gradient(y.x, activation) ? 1U : 0U) |
             (passes_gradient(y.y, activation) ? 2U : 0U) |
             (passes_gradient(y.z, activation) ? 4U : 0U) |
             (passes_gradient(y.w, activation) ? 8U : 0U);
      y = make_float4(activate(y.x, activation), activate(y.y, activation),
                      activate(y.z, activation), activate(y.w, activation));
      store4(a.y + at, y);
      save4(a.save, slots, position, y);
    }
    if (a.mask) {
      const unsigned next = __shfl_down_sync(0xFFFFFFFFU, bits, 1);
      if (exists && place.channel % 8 == 0) a.mask[at / 8] = static_cast<uint8_t>(bits | next << 4);
    }
  }
}

// A thread makes one output. No mask: mask_from_output makes it.
__global__ void __launch_bounds__(kFlatThreads)
    forward_plain(Window g, int channels, int64_t outputs, Activation activation, Args a) {
  const int64_t at = flat_index();
  if (at >= outputs) return;
  const int c = static_cast<int>(at % channels);
  const int position = static_cast<int>(at / channels);
  const Position out(position, g.out_h, g.out_w);
  float sum = 0;
  for (int ky = 0; ky < g.kernel; ++ky) {
    for (int kx = 0; kx < g.kernel; ++kx) {
      const int from = input_position(g, out, ky, kx);
      if (from < 0) continue;
      sum = fmaf(a.x[static_cast<int64_t>(from) * channels + c],
                 a.w[(c * g.kernel + ky) * g.kernel + kx], sum);
    }
  }
  sum += a.bias[c];
  if (a.residual) sum += a.residual[at];
  const float y = activate(sum, activation);
  a.y[at] = y;
  if (a.save.slot && a.save.slot[c] >= 0) {
    static_cast<float*>(
        a.save.out)[static_cast<int64_t>(position) * a.save.count + a.save.slot[c]] = y;
  }
}

class DepthwiseForward final : public ConvForward {
 public:
  DepthwiseForward(const ConvShape& shape, Activation activation, cudaStream_t stream)
      : shape_(shape), activation_(activation), stream_(stream) {
    check_shape(shape);
  }

  int64_t scratch_bytes() const override { return 0; }

  bool packs_output() const override { return true; }
  void run(const Buffers& b) const override {
    const ConvShape& s = shape_;
    const bool whole_bytes = suits_strips(s) && s.out_c % 8 == 0;
    const Args args{static_cast<const float*>(b.x),
                    static_cast<const float*>(b.w),
                    static_cast<const float*>(b.bias),
                    static_cast<const float*>(b.residual),
                    static_cast<float*>(b.y),
                    whole_bytes ? b.mask : nullptr,
                    b.save};
    if (suits_strips(s)) {
      const StripTiling tiling =
          make_strip_tiling(s.out_c, s.batch * s.out_h(), (s.out_w() + kStrip - 1) / kStrip);
      with_kernel_and_stride(s, [&]<int K, int S>() {
        launch(strip_launch<K>("depthwise_forward", tiling, stream_), forward_strips<K, S>,
               Window(s), tiling, activation_, args);
      });
    } else {
      launch(flat_launch("depthwise_forward_plain", s.out_elements(), stream_), forward_plain,
             Window(s), static_cast<int>(s.out_c), s.out_elements(), activation_, args);
    }
    if (b.mask && !whole_bytes) {
      mask_from_output(args.y, s.out_elements(), activation_, b.mask, stream_);
    }
    work_counters().count_forward(s.out_elements() * s.taps(),
                                  forward_bytes(s, {.residual = b.residual != nullptr,
                                                    .mask = b.mask != nullptr,
                                                    .mask_from_output = !whole_bytes,
                                                    .saves = b.save.slot != nullptr,
                                                    .saved_channels = b.save.count}));
  }

 private:
  ConvShape shape_;
  Activation activation_;
  cudaStream_t stream_;
};

}  // namespace

std::unique_ptr<ConvForward> make_depthwise_forward(const ConvShape& shape, Activation activation,
                                                    cudaStream_t stream) {
  return std::make_unique<DepthwiseForward>(shape, activation, stream);
}

}  // namespace trady::kernels::cuda
