// Convolutions with k x k windows, by the same matrix product as the pointwise ones. Forward
// reduces over a window of a zero-padded image in place (kernel rows are the outer, (column,
// channel) pairs the inner reduction); grad_input adds up one product a tap.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "kernels/cpu/axis_plan.h"
#include "kernels/cpu/buffer_layout.h"
#include "kernels/cpu/conv_passes.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

void require_window(const ConvShape& shape) {
  if (shape.depthwise) throw std::invalid_argument("a depthwise convolution has no full windows");
}

class WindowForward final : public ConvForward {
 public:
  WindowForward(const ConvShape& s, Activation activation)
      : shape_(s),
        activation_(activation),
        padded_{s.in_h + 2 * s.padding, s.in_w + 2 * s.padding, s.in_c} {
    require_window(s);
  }
  int64_t scratch_bytes() const override { return shape_.padding > 0 ? padded_.floats() * 4 : 0; }
  int64_t prepared_weight_bytes() const override { return shape_.weight_elements() * 4; }
  void prepare_weight(const void* w, void* prepared) const override {
    transpose(static_cast<const float*>(w), shape_.out_c, shape_.taps() * shape_.in_c,
              static_cast<float*>(prepared));
  }

  void run(const Buffers& buffers) const override {
    const VectorKernels& kernels = vector_kernels();
    const ConvShape& s = shape_;
    GemmArgs gemm;
    gemm.m = s.out_w();
    gemm.n = s.out_c;
    gemm.outer = s.kernel;
    gemm.inner = s.kernel * s.in_c;
    gemm.a_m = s.stride * s.in_c;
    gemm.a_outer = padded_.row_floats();
    gemm.a_inner = 1;
    gemm.b = static_cast<const float*>(buffers.w);
    gemm.b_outer = gemm.inner * s.out_c;
    gemm.b_inner = s.out_c;
    gemm.c_m = s.out_c;
    gemm.bias = static_cast<const float*>(buffers.bias);
    gemm.activation = activation_;
    const int64_t out_row = s.out_w() * s.out_c;
    for (int64_t image = 0; image < s.batch; ++image) {
      const float* x = static_cast<const float*>(buffers.x) + image * s.in_h * s.in_w * s.in_c;
      if (s.padding > 0) {
        auto* padded = static_cast<float*>(buffers.scratch);
        pad_image(x, s.in_h, s.in_w, s.padding, padded_, padded);
        x = padded;
      }
      for (int64_t row = 0; row < s.out_h(); ++row) {
        const int64_t first = (image * s.out_h() + row) * out_row;
        gemm.a = x + row * s.stride * padded_.row_floats();
        gemm.c = static_cast<float*>(buffers.y) + first;
        gemm.addend = buffers.residual == nullptr
                          ? nullptr
                          : static_cast<const float*>(buffers.residual) + first;
        kernels.gemm(gemm);
      }
    }
    if (buffers.mask != nullptr) {
      kernels.write_mask(static_cast<const float*>(buffers.y), s.out_elements(), activation_,
                         buffers.mask);
    }
    work_counters().forward.fetch_add(
        s.batch * s.out_h() * gemm.m * gemm.n * gemm.outer * gemm.inner, std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
  Activation activation_;
  PaddedImage padded_;
};

class WindowGradInput final : public ConvGradInput {
 public:
  explicit WindowGradInput(const ConvShape& s)
      : shape_(s),
        rows_(grad_input_axis(s.in_h, s.out_h(), s.kernel, s.stride, s.padding)),
        cols_(grad_input_axis(s.in_w, s.out_w(), s.kernel, s.stride, s.padding)) {
    require_window(s);
  }
  int64_t scratch_bytes() const override { return 0; }

  void run(const Buffers& buffers, GradientMode mode) const override {
    const ConvShape& s = shape_;
    auto* dx = static_cast<float*>(buffers.dx);
    if (mode == GradientMode::overwrite) std::fill_n(dx, s.in_elements(), 0.0f);
    for (int64_t image = 0; image < s.batch; ++image) {
      for (const AxisLine& row : rows_) {
        for (int64_t t = 0; t < row.count; ++t) {
          float* dx_row = dx + (image * s.in_h + row.first + t * row.step) * s.in_w * s.in_c;
          const AxisLine::Range range = row.taps_inside(t);
          for (int64_t j = range.begin; j < range.end; ++j) {
            const int64_t dy_row = image * s.out_h() + row.in_first + t * row.in_step + j;
            const int64_t tap = (row.first_tap + j * row.tap_step) * s.kernel;
            add_row(static_cast<const float*>(buffers.dy) + dy_row * s.out_w() * s.out_c,
                    static_cast<const float*>(buffers.w) + tap * s.in_c, dx_row);
          }
        }
      }
    }
    work_counters().grad_input.fetch_add(s.multiply_adds(), std::memory_order_relaxed);
  }

 private:
  /// Adds what one row of dy gives to one row of dx through one row of the kernel.
  void add_row(const float* dy, const float* w, float* dx) const {
    const ConvShape& s = shape_;
    GemmArgs gemm;
    gemm.n = s.in_c;
    gemm.inner = s.out_c;
    gemm.a_m = s.out_c;
    gemm.a_inner = 1;
    gemm.b_inner = s.taps() * s.in_c;
    for (const AxisLine& col : cols_) {
      gemm.c_m = col.step * s.in_c;
      for (int64_t j = 0; j < col.taps; ++j) {
        // The outputs whose j-th input is inside.
        const int64_t start = col.in_first + j;
        const int64_t begin = std::max<int64_t>(0, -start);
        const int64_t end = std::min(col.count, col.in_count - start);
        if (begin >= end) continue;
        gemm.m = end - begin;
        gemm.a = dy + (start + begin) * s.out_c;
        gemm.b = w + (col.first_tap + j * col.tap_step) * s.in_c;
        gemm.c = dx + (col.first + begin * col.step) * s.in_c;
        gemm.addend = gemm.c;
        vector_kernels().gemm(gemm);
      }
    }
  }

  ConvShape shape_;
  std::vector<AxisLine> rows_, cols_;
};

}  // namespace

std::unique_ptr<ConvForward> make_window_forward(const ConvShape& shape, Activation activation) {
  return std::make_unique<WindowForward>(shape, activation);
}

std::unique_ptr<ConvGradInput> make_window_grad_input(const ConvShape& shape) {
  return std::make_unique<WindowGradInput>(shape);
}

}  // namespace trady::kernels::cpu
