// y[n, oy, ox, o] = activation(bias[o] + residual[n, oy, ox, o]
//                              + sum over ky, kx, c of x[n, iy, ix, c] * w[o, ky, kx, c])
// with iy = oy * stride - padding + ky, ix likewise; depthwise: c = o alone. Plain loops.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/backend.h"
#include "kernels/reference/window.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::reference {

/// Comparisons are written so that NaN passes through: a diverged run must show.
template <typename T>
T activate(T value, Activation activation) {
  if (activation == Activation::none) return value;
  if (value < T(0)) return T(0);
  return activation == Activation::relu6 && value > T(6) ? T(6) : value;
}

/// As PyTorch: no gradient at the corners themselves.
template <typename T>
bool passes_gradient(T value, Activation activation) {
  if (activation == Activation::none) return true;
  return value > T(0) && (activation == Activation::relu || value < T(6));
}

template <typename T>
class ReferenceConvForward final : public ConvForward {
 public:
  ReferenceConvForward(const ConvShape& shape, Activation activation)
      : shape_(shape), activation_(activation) {
    check_shape(shape);
  }

  /// One sum an output channel.
  int64_t scratch_bytes() const override {
    return shape_.out_c * static_cast<int64_t>(sizeof(double));
  }

  void run(const Buffers& b) const override {
    const ConvShape& s = shape_;
    const int64_t inputs_per_output = s.depthwise ? 1 : s.in_c;
    work_counters().forward.fetch_add(
        s.batch * s.out_h() * s.out_w() * s.taps() * s.out_c * inputs_per_output,
        std::memory_order_relaxed);
    if (b.mask) std::memset(b.mask, 0, static_cast<size_t>(mask_bytes(s.out_elements())));
    double* sums = static_cast<double*>(b.scratch);
    int64_t position = 0;
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t oy = 0; oy < s.out_h(); ++oy) {
        for (int64_t ox = 0; ox < s.out_w(); ++ox, ++position) {
          sum_window(b, n, oy, ox, sums);
          store(b, position, sums);
        }
      }
    }
  }

 private:
  /// sums[o] = what the window of one output position adds up to.
  void sum_window(const Buffers& b, int64_t n, int64_t oy, int64_t ox, double* sums) const {
    const ConvShape& s = shape_;
    std::fill_n(sums, s.out_c, 0.0);
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      for (int64_t kx = 0; kx < s.kernel; ++kx) {
        const int64_t from = input_position(s, n, oy, ox, ky, kx);
        if (from < 0) continue;
        const T* x = static_cast<const T*>(b.x) + from * s.in_c;
        const int64_t tap = ky * s.kernel + kx;
        if (s.depthwise) {
          const T* w = static_cast<const T*>(b.w) + tap;  // [C][k][k] at this tap
          for (int64_t c = 0; c < s.in_c; ++c) {
            sums[c] += static_cast<double>(x[c]) * static_cast<double>(w[c * s.taps()]);
          }
        } else {
          const T* w = static_cast<const T*>(b.w) + tap * s.in_c;  // [C'][k][k][C] at this tap
          for (int64_t o = 0; o < s.out_c; ++o) {
            sums[o] += dot(x, w + o * s.taps() * s.in_c, s.in_c);
          }
        }
      }
    }
  }

  void store(const Buffers& b, int64_t position, const double* sums) const {
    const T* bias = static_cast<const T*>(b.bias);
    const T* residual = static_cast<const T*>(b.residual);
    T* y = static_cast<T*>(b.y);
    for (int64_t o = 0; o < shape_.out_c; ++o) {
      const int64_t i = position * shape_.out_c + o;
      double sum = sums[o] + static_cast<double>(bias[o]);
      if (residual) sum += static_cast<double>(residual[i]);
      // The mask is taken from the rounded value, the one whose activation is stored.
      const T value = static_cast<T>(sum);
      y[i] = activate(value, activation_);
      if (b.mask && passes_gradient(value, activation_)) {
        b.mask[i / 8] = static_cast<uint8_t>(b.mask[i / 8] | (1u << (i % 8)));
      }
    }
  }

  ConvShape shape_;
  Activation activation_;
};

}  // namespace trady::kernels::reference
