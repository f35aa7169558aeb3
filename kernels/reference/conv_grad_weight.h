// dw[o, ky, kx, c] = sum over output positions of dy[n, oy, ox, o] * x[n, iy, ix, c]
// for the listed slices only (docs/method.md section 1: dW[:, c] needs only x[..., c]):
//   input channels:  x is packed, so its columns are the listed c; o runs over all outputs
//   output channels: o runs over the list, x is whole
//   depthwise:       dw[j, ky, kx] = sum of dy[..., channels[j]] * x[..., j], x packed
// Plain loops.
#pragma once

#include <algorithm>

#include "kernels/backend.h"
#include "kernels/reference/window.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::reference {

template <typename T>
class ReferenceConvGradWeight final : public ConvGradWeight {
 public:
  ReferenceConvGradWeight(const ConvShape& shape, SliceKind kind, int64_t count)
      : shape_(shape), kind_(kind), count_(count) {
    check_slices(shape, kind, count);
  }

  /// One sum a channel of x: the row of dw under construction.
  int64_t scratch_bytes() const override {
    return columns() * static_cast<int64_t>(sizeof(double));
  }

  void run(const Buffers& b) const override {
    const int64_t outputs_per_column = shape_.depthwise ? 1 : rows();
    work_counters().grad_weight.fetch_add(shape_.batch * shape_.out_h() * shape_.out_w() *
                                              shape_.taps() * outputs_per_column * columns(),
                                          std::memory_order_relaxed);
    if (shape_.depthwise) {
      run_depthwise(b);
    } else {
      run_dense(b);
    }
  }

 private:
  bool lists_outputs() const { return kind_ == SliceKind::output_channels && !shape_.depthwise; }
  /// Channels of x as it is handed in.
  int64_t columns() const { return lists_outputs() ? shape_.in_c : count_; }
  /// Output channels that dw has.
  int64_t rows() const { return lists_outputs() ? count_ : shape_.out_c; }

  void run_dense(const Buffers& b) const {
    double* sums = static_cast<double*>(b.scratch);
    T* dw = static_cast<T*>(b.dw);  // [rows][k][k][columns]
    for (int64_t row = 0; row < rows(); ++row) {
      const int64_t o = lists_outputs() ? b.channels.index[row] : row;
      const T* dy = static_cast<const T*>(b.dy) + o;
      for (int64_t ky = 0; ky < shape_.kernel; ++ky) {
        for (int64_t kx = 0; kx < shape_.kernel; ++kx, dw += columns()) {
          std::fill_n(sums, columns(), 0.0);
          for_each_pair(b, ky, kx, [&](int64_t position, const T* x) {
            add_scaled(static_cast<double>(dy[position * shape_.out_c]), x, columns(), sums);
          });
          std::transform(sums, sums + columns(), dw, [](double v) { return static_cast<T>(v); });
        }
      }
    }
  }

  void run_depthwise(const Buffers& b) const {
    double* sums = static_cast<double*>(b.scratch);
    T* dw = static_cast<T*>(b.dw);  // [count][k][k]
    for (int64_t ky = 0; ky < shape_.kernel; ++ky) {
      for (int64_t kx = 0; kx < shape_.kernel; ++kx) {
        std::fill_n(sums, count_, 0.0);
        for_each_pair(b, ky, kx, [&](int64_t position, const T* x) {
          const T* dy = static_cast<const T*>(b.dy) + position * shape_.out_c;
          for (int64_t j = 0; j < count_; ++j) {
            sums[j] += static_cast<double>(dy[b.channels.index[j]]) * static_cast<double>(x[j]);
          }
        });
        const int64_t tap = ky * shape_.kernel + kx;
        for (int64_t j = 0; j < count_; ++j) dw[j * shape_.taps() + tap] = static_cast<T>(sums[j]);
      }
    }
  }

  /// visit(output position, x at the input position it reads through tap (ky, kx)).
  template <typename Visit>
  void for_each_pair(const Buffers& b, int64_t ky, int64_t kx, const Visit& visit) const {
    int64_t position = 0;
    for (int64_t n = 0; n < shape_.batch; ++n) {
      for (int64_t oy = 0; oy < shape_.out_h(); ++oy) {
        for (int64_t ox = 0; ox < shape_.out_w(); ++ox, ++position) {
          const int64_t from = input_position(shape_, n, oy, ox, ky, kx);
          if (from >= 0) visit(position, static_cast<const T*>(b.x) + from * columns());
        }
      }
    }
  }

  ConvShape shape_;
  SliceKind kind_;
  int64_t count_;
};

}  // namespace trady::kernels::reference
