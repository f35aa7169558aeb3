// y = the largest of each window, winner = its tap; dx = the sum of dy over the windows that an
// element won (kernels/backend.h).
// Backward gathers: an input pixel looks at the windows that cover it, in ascending order, so that
// nothing is added atomically and the sum is the reference's.
// Floor: x read and y written once, and a byte an element of y for `winner`; backward reads these
// bytes and dy and writes dx.
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"
#include "kernels/cuda/small_ops.h"
#include "kernels/cuda/window.cuh"

namespace trady::kernels::cuda {
namespace {

// A thread has kWidth channels of one position, an item; neighbouring threads have neighbouring
// channels.

template <int kWidth>
__global__ void __launch_bounds__(kFlatThreads)
    pick_largest(Window g, int items, int channels,
                 const float* x,     // [N, H, W, C]
                 float* y,           // [N, H', W', C]
                 uint8_t* winner) {  // [N, H', W', C], or null
  if (flat_index() >= items) return;
  const int first = static_cast<int>(flat_index()) * kWidth;  // of y
  const int channel = first % channels;
  const Position out(first / channels, g.out_h, g.out_w);
  Floats<kWidth> best{};
  uint32_t taps[kWidth] = {};
  bool is_first = true;
  for (int ky = 0; ky < g.kernel; ++ky) {
    for (int kx = 0; kx < g.kernel; ++kx) {
      const int from = input_position(g, out, ky, kx);
      if (from < 0) continue;
      const auto v = load_floats<kWidth>(x + from * channels + channel);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        // Not (v <= best): a NaN wins over numbers, and nothing over a NaN.
        const bool wins = is_first || (!(v.at[i] <= best.at[i]) && best.at[i] == best.at[i]);
        best.at[i] = wins ? v.at[i] : best.at[i];
        taps[i] = wins ? static_cast<uint32_t>(ky * g.kernel + kx) : taps[i];
      }
      is_first = false;
    }
  }
  store_floats<kWidth>(y + first, best);
  if (winner == nullptr) return;
  uint32_t bytes = 0;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) bytes |= taps[i] << (8 * i);
  store_bytes<kWidth>(winner + first, bytes);
}

/// The windows of one axis that cover pixel `at`: first <= o < end.
struct Covering {
  int first, end;

  __device__ Covering(const Window& g, int at, int out_size) {
    const int from_last = at + g.padding - g.kernel;  // the place before the last window's begin
    first = from_last < 0 ? 0 : from_last / g.stride + 1;
    end = min((at + g.padding) / g.stride + 1, out_size);
  }
};

template <int kWidth>
__global__ void __launch_bounds__(kFlatThreads)
    gather_from_windows(Window g, int items, int channels,
                        const float* dy,        // [N, H', W', C]
                        const uint8_t* winner,  // [N, H', W', C]
                        float* dx) {            // [N, H, W, C]
  if (flat_index() >= items) return;
  const int first = static_cast<int>(flat_index()) * kWidth;  // of dx
  const int channel = first % channels;
  const Position in(first / channels, g.in_h, g.in_w);
  const Covering rows(g, in.y, g.out_h), columns(g, in.x, g.out_w);
  Floats<kWidth> sum{};
  for (int oy = rows.first; oy < rows.end; ++oy) {
    for (int ox = columns.first; ox < columns.end; ++ox) {
      const int ky = in.y + g.padding - oy * g.stride;
      const int kx = in.x + g.padding - ox * g.stride;
      const auto tap = static_cast<uint32_t>(ky * g.kernel + kx);
      const int window = ((in.image * g.out_h + oy) * g.out_w + ox) * channels + channel;
      const uint32_t taps = load_bytes<kWidth>(winner + window);
      bool won[kWidth], any = false;
#pragma unroll
      for (int i = 0; i < kWidth; ++i) any |= won[i] = (taps >> (8 * i) & 0xFF) == tap;
      if (!any) continue;
      const auto v = load_floats<kWidth>(dy + window);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum.at[i] += won[i] ? v.at[i] : 0.0F;
    }
  }
  store_floats<kWidth>(dx + first, sum);
}

}  // namespace

void max_pool_forward(const MaxPoolShape& s, const float* x, float* y, uint8_t* winner,
                      cudaStream_t stream) {
  const auto channels = static_cast<int>(s.channels);
  with_width(channels % 4 == 0, [&](auto width) {
    const auto items =
        static_cast<int>(s.batch * s.out_h() * s.out_w() * s.channels / int64_t{width});
    launch(flat_launch("max_pool_forward", items, stream), pick_largest<width>, Window(s), items,
           channels, x, y, winner);
  });
}

void max_pool_backward(const MaxPoolShape& s, const float* dy, const uint8_t* winner, float* dx,
                       cudaStream_t stream) {
  const auto channels = static_cast<int>(s.channels);
  with_width(channels % 4 == 0, [&](auto width) {
    const auto items = static_cast<int>(s.batch * s.in_h * s.in_w * s.channels / int64_t{width});
    launch(flat_launch("max_pool_backward", items, stream), gather_from_windows<width>, Window(s),
           items, channels, dy, winner, dx);
  });
}

}  // namespace trady::kernels::cuda
