// Depthwise forward and grad_input. Both want the weight as [k][k][C] (their prepared copy): a
// vector of channels then meets a vector of weights. Borders are segments of an axis that use fewer
// taps, so nothing is padded and no tap outside of the image is computed.
#include <array>
#include <stdexcept>

#include "kernels/cpu/axis_plan.h"
#include "kernels/cpu/conv_passes.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

constexpr int64_t kMaxKernel = 11;

/// The two passes are one loop: they differ in their axis plans and in what is added at the end.
class DepthwiseLoop {
 public:
  DepthwiseLoop(AxisPlan rows, AxisPlan cols, int64_t in_h, int64_t in_w, int64_t out_h,
                int64_t out_w, int64_t kernel)
      : rows_(std::move(rows)),
        cols_(std::move(cols)),
        in_h_(in_h),
        in_w_(in_w),
        out_h_(out_h),
        out_w_(out_w),
        kernel_(kernel) {}

  /// `args` brings image 0's pointers, channels, bias, addend and activation.
  void run(DepthwiseArgs args, int64_t batch) const {
    const float* in = args.in;
    float* out = args.out;
    const float* addend = args.addend;
    std::array<int64_t, kMaxKernel * kMaxKernel> in_offset;
    std::array<int64_t, kMaxKernel * kMaxKernel> weight_offset;
    args.in_offset = in_offset.data();
    args.weight_offset = weight_offset.data();
    for (int64_t image = 0; image < batch; ++image) {
      for (const AxisSegment& row : rows_) {
        for (int64_t t = 0; t < row.count; ++t) {
          const int64_t out_row = (image * out_h_ + row.first + t * row.step) * out_w_;
          for (const AxisSegment& col : cols_) {
            args.taps = 0;
            for (const AxisTap& v : row.taps) {
              const int64_t in_row = (image * in_h_ + v.in_first + t * row.in_step) * in_w_;
              for (const AxisTap& h : col.taps) {
                in_offset[args.taps] = (in_row + h.in_first) * args.channels;
                weight_offset[args.taps] = (v.tap * kernel_ + h.tap) * args.channels;
                ++args.taps;
              }
            }
            const int64_t first = (out_row + col.first) * args.channels;
            args.positions = col.count;
            args.in = in;
            args.in_step = col.in_step * args.channels;
            args.out = out + first;
            args.out_step = col.step * args.channels;
            args.addend = addend == nullptr ? nullptr : addend + first;
            vector_kernels().depthwise(args);
          }
        }
      }
    }
  }

 private:
  AxisPlan rows_, cols_;
  int64_t in_h_, in_w_, out_h_, out_w_, kernel_;
};

void require_depthwise(const ConvShape& shape) {
  if (!shape.depthwise || shape.in_c != shape.out_c) {
    throw std::invalid_argument("not a depthwise convolution");
  }
  if (shape.kernel > kMaxKernel) throw std::invalid_argument("depthwise kernel beyond 11 x 11");
}

void prepare_depthwise(const ConvShape& shape, const void* w, void* prepared) {
  transpose(static_cast<const float*>(w), shape.in_c, shape.taps(), static_cast<float*>(prepared));
}

class DepthwiseForward final : public ConvForward {
 public:
  DepthwiseForward(const ConvShape& s, Activation activation)
      : shape_(s),
        activation_(activation),
        loop_(forward_axis(s.in_h, s.out_h(), s.kernel, s.stride, s.padding),
              forward_axis(s.in_w, s.out_w(), s.kernel, s.stride, s.padding), s.in_h, s.in_w,
              s.out_h(), s.out_w(), s.kernel) {
    require_depthwise(s);
  }
  int64_t scratch_bytes() const override { return 0; }
  int64_t prepared_weight_bytes() const override { return shape_.weight_elements() * 4; }
  void prepare_weight(const void* w, void* prepared) const override {
    prepare_depthwise(shape_, w, prepared);
  }

  void run(const Buffers& buffers) const override {
    DepthwiseArgs args;
    args.channels = shape_.in_c;
    args.in = static_cast<const float*>(buffers.x);
    args.weight = static_cast<const float*>(buffers.w);
    args.out = static_cast<float*>(buffers.y);
    args.bias = static_cast<const float*>(buffers.bias);
    args.addend = static_cast<const float*>(buffers.residual);
    args.activation = activation_;
    loop_.run(args, shape_.batch);
    if (buffers.mask != nullptr) {
      vector_kernels().write_mask(args.out, shape_.out_elements(), activation_, buffers.mask);
    }
    work_counters().forward.fetch_add(shape_.multiply_adds(), std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
  Activation activation_;
  DepthwiseLoop loop_;
};

class DepthwiseGradInput final : public ConvGradInput {
 public:
  explicit DepthwiseGradInput(const ConvShape& s)
      : shape_(s),
        loop_(grad_input_axis(s.in_h, s.out_h(), s.kernel, s.stride, s.padding),
              grad_input_axis(s.in_w, s.out_w(), s.kernel, s.stride, s.padding), s.out_h(),
              s.out_w(), s.in_h, s.in_w, s.kernel) {
    require_depthwise(s);
  }
  int64_t scratch_bytes() const override { return 0; }
  int64_t prepared_weight_bytes() const override { return shape_.weight_elements() * 4; }
  void prepare_weight(const void* w, void* prepared) const override {
    prepare_depthwise(shape_, w, prepared);
  }

  void run(const Buffers& buffers, GradientMode mode) const override {
    DepthwiseArgs args;
    args.channels = shape_.in_c;
    args.in = static_cast<const float*>(buffers.dy);
    args.weight = static_cast<const float*>(buffers.w);
    args.out = static_cast<float*>(buffers.dx);
    args.addend = mode == GradientMode::accumulate ? args.out : nullptr;
    loop_.run(args, shape_.batch);
    work_counters().grad_input.fetch_add(shape_.multiply_adds(), std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
  DepthwiseLoop loop_;
};

}  // namespace

std::unique_ptr<ConvForward> make_depthwise_forward(const ConvShape& shape, Activation activation) {
  return std::make_unique<DepthwiseForward>(shape, activation);
}

std::unique_ptr<ConvGradInput> make_depthwise_grad_input(const ConvShape& shape) {
  return std::make_unique<DepthwiseGradInput>(shape);
}

}  // namespace trady::kernels::cpu
