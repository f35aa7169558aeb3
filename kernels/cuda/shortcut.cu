// y[n, i, j, first_c + c] = x[n, stride * i, stride * j, c], zeros in the other channels; and the
// transpose of that (kernels/backend.h). Both gather: what is written is written once.
// Floor: 4 bytes an element of y, and of the pixels of x that pass. Backward: these pixels of dy
// and all of dx, or where it accumulates these of dx, read and written.
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"
#include "kernels/cuda/small_ops.h"
#include "kernels/cuda/window.cuh"

namespace trady::kernels::cuda {
namespace {

/// ShortcutShape in 32 bits.
struct Geometry {
  int in_h, in_w, in_c, out_h, out_w, out_c, first_c, stride;

  explicit Geometry(const ShortcutShape& s)
      : in_h(static_cast<int>(s.in_h)),
        in_w(static_cast<int>(s.in_w)),
        in_c(static_cast<int>(s.in_c)),
        out_h(static_cast<int>(s.out_h())),
        out_w(static_cast<int>(s.out_w())),
        out_c(static_cast<int>(s.out_c)),
        first_c(static_cast<int>(s.first_c)),
        stride(static_cast<int>(s.stride)) {}

  /// Whether groups of 4 channels of x are groups of y.
  bool goes_in_fours() const { return in_c % 4 == 0 && out_c % 4 == 0 && first_c % 4 == 0; }
};

// In both a thread has kWidth channels of one position of what it writes, an item.

template <int kWidth>
__global__ void __launch_bounds__(kFlatThreads) spread_pixels(Geometry g, int items,
                                                              const float* x,  // [N, H, W, C]
                                                              float* y) {      // [N, H', W', C']
  if (flat_index() >= items) return;
  const int first = static_cast<int>(flat_index()) * kWidth;
  const int channel = first % g.out_c - g.first_c;  // of x, if it is one
  const Position out(first / g.out_c, g.out_h, g.out_w);
  Floats<kWidth> v{};
  if (channel >= 0 && channel < g.in_c) {
    const int pixel = (out.image * g.in_h + g.stride * out.y) * g.in_w + g.stride * out.x;
    v = load_floats<kWidth>(x + pixel * g.in_c + channel);
  }
  store_floats<kWidth>(y + first, v);
}

template <int kWidth>
__global__ void __launch_bounds__(kFlatThreads) gather_pixels(Geometry g, int items,
                                                              const float* dy,  // [N, H', W', C']
                                                              float* dx,        // [N, H, W, C]
                                                              GradientMode mode) {
  if (flat_index() >= items) return;
  const int first = static_cast<int>(flat_index()) * kWidth;
  const int channel = first % g.in_c;
  const Position in(first / g.in_c, g.in_h, g.in_w);
  const bool passes = in.y % g.stride == 0 && in.x % g.stride == 0;
  const bool accumulate = mode == GradientMode::accumulate;
  if (accumulate && !passes) return;
  Floats<kWidth> v{};
  if (passes) {
    const int pixel = (in.image * g.out_h + in.y / g.stride) * g.out_w + in.x / g.stride;
    v = load_floats<kWidth>(dy + pixel * g.out_c + g.first_c + channel);
  }
  if (accumulate) {
    const auto before = load_floats<kWidth>(dx + first);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) v.at[i] += before.at[i];
  }
  store_floats<kWidth>(dx + first, v);
}

}  // namespace

void shortcut_forward(const ShortcutShape& s, const float* x, float* y, cudaStream_t stream) {
  const Geometry g(s);
  with_width(g.goes_in_fours(), [&](auto width) {
    const auto items = static_cast<int>(s.batch * s.out_h() * s.out_w() * s.out_c / int64_t{width});
    launch(flat_launch("shortcut_forward", items, stream), spread_pixels<width>, g, items, x, y);
  });
}

void shortcut_backward(const ShortcutShape& s, const float* dy, float* dx, GradientMode mode,
                       cudaStream_t stream) {
  const Geometry g(s);
  with_width(g.goes_in_fours(), [&](auto width) {
    const auto items = static_cast<int>(s.batch * s.in_h * s.in_w * s.in_c / int64_t{width});
    launch(flat_launch("shortcut_backward", items, stream), gather_pixels<width>, g, items, dy, dx,
           mode);
  });
}

}  // namespace trady::kernels::cuda
