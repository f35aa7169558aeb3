// dx[n, iy, ix, c] (=|+=) sum over the taps (ky, kx) and output channels o of
//                        dy[n, oy, ox, o] * w[o, ky, kx, c]
// where (oy, ox) is the output position that reads (iy, ix) through that tap, if there is one;
// depthwise: o = c alone. Plain loops, written as a gather so that every dx is stored once.
#pragma once

#include <algorithm>

#include "kernels/backend.h"
#include "kernels/reference/window.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::reference {

template <typename T>
class ReferenceConvGradInput final : public ConvGradInput {
 public:
  explicit ReferenceConvGradInput(const ConvShape& shape) : shape_(shape) { check_shape(shape); }

  /// One sum an input channel.
  int64_t scratch_bytes() const override {
    return shape_.in_c * static_cast<int64_t>(sizeof(double));
  }

  void run(const Buffers& b, GradientMode mode) const override {
    const ConvShape& s = shape_;
    // Each pair of output position and tap is met once, from the input position it reads.
    const int64_t outputs_per_input = s.depthwise ? 1 : s.out_c;
    work_counters().grad_input.fetch_add(
        s.batch * s.out_h() * s.out_w() * s.taps() * outputs_per_input * s.in_c,
        std::memory_order_relaxed);
    double* sums = static_cast<double*>(b.scratch);
    T* dx = static_cast<T*>(b.dx);
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t iy = 0; iy < s.in_h; ++iy) {
        for (int64_t ix = 0; ix < s.in_w; ++ix, dx += s.in_c) {
          sum_readers(b, n, iy, ix, sums);
          for (int64_t c = 0; c < s.in_c; ++c) {
            const double before = mode == GradientMode::accumulate ? static_cast<double>(dx[c]) : 0;
            dx[c] = static_cast<T>(before + sums[c]);
          }
        }
      }
    }
  }

 private:
  /// sums[c] = the gradient of one input position, over all output positions that read it.
  void sum_readers(const Buffers& b, int64_t n, int64_t iy, int64_t ix, double* sums) const {
    const ConvShape& s = shape_;
    std::fill_n(sums, s.in_c, 0.0);
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      for (int64_t kx = 0; kx < s.kernel; ++kx) {
        const int64_t reader = output_position(s, n, iy, ix, ky, kx);
        if (reader < 0) continue;
        const T* dy = static_cast<const T*>(b.dy) + reader * s.out_c;
        const int64_t tap = ky * s.kernel + kx;
        if (s.depthwise) {
          const T* w = static_cast<const T*>(b.w) + tap;  // [C][k][k] at this tap
          for (int64_t c = 0; c < s.in_c; ++c) {
            sums[c] += static_cast<double>(dy[c]) * static_cast<double>(w[c * s.taps()]);
          }
        } else {
          const T* w = static_cast<const T*>(b.w) + tap * s.in_c;  // [C'][k][k][C] at this tap
          for (int64_t o = 0; o < s.out_c; ++o) {
            add_scaled(static_cast<double>(dy[o]), w + o * s.taps() * s.in_c, s.in_c, sums);
          }
        }
      }
    }
  }

  ConvShape shape_;
};

}  // namespace trady::kernels::reference
