// Depthwise forward and grad_input. Both want the weight as [k][k][C] (their prepared copy): a
// vector of channels then meets a vector of weights. Nothing is padded.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "kernels/cpu/axis_plan.h"
#include "kernels/cpu/conv_passes.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

/// The two passes are one loop: they differ in their axis plans and in what is added at the end.
class DepthwiseLoop {
 public:
  DepthwiseLoop(std::vector<AxisLine> rows, std::vector<AxisLine> cols, int64_t in_h, int64_t in_w,
                int64_t out_h, int64_t out_w, int64_t kernel)
      : rows_(std::move(rows)),
        cols_(std::move(cols)),
        in_h_(in_h),
        in_w_(in_w),
        out_h_(out_h),
        out_w_(out_w),
        kernel_(kernel) {}

  struct Buffers {
    const float* in;
    const float* weight;  ///< [k][k][channels]
    float* out;
    const float* bias;
    const float* addend;
    uint8_t* mask;
  };

  void run(const Buffers& buffers, int64_t batch, int64_t channels, Activation activation) const {
    const VectorKernels& kernels = vector_kernels();
    std::array<const float*, kMaxDepthwiseKernel> in_row;
    std::array<const float*, kMaxDepthwiseKernel> weight_row;
    DepthwiseArgs args;
    args.channels = channels;
    args.in_row = in_row.data();
    args.weight_row = weight_row.data();
    args.bias = buffers.bias;
    args.activation = activation;
    const int64_t row_floats = out_w_ * channels;
    // A row that ends within a byte of the mask leaves it to the end.
    const bool masks_rows = buffers.mask != nullptr && row_floats % 8 == 0;
    for (int64_t image = 0; image < batch; ++image) {
      for (const AxisLine& row : rows_) {
        for (int64_t t = 0; t < row.count; ++t) {
          const int64_t out_row = image * out_h_ + row.first + t * row.step;
          const AxisLine::Range range = row.taps_inside(t);
          args.rows = std::max<int64_t>(0, range.end - range.begin);
          for (const AxisLine& col : cols_) {
            for (int64_t v = 0; v < args.rows; ++v) {
              const int64_t j = range.begin + v;
              const int64_t in_row_index = image * in_h_ + row.in_first + t * row.in_step + j;
              const int64_t tap = (row.first_tap + j * row.tap_step) * kernel_ + col.first_tap;
              in_row[v] = buffers.in + in_row_index * in_w_ * channels;
              weight_row[v] = buffers.weight + tap * channels;
            }
            args.taps = col.taps;
            args.weight_step = col.tap_step * channels;
            args.positions = col.count;
            args.in_first = col.in_first;
            args.in_step = col.in_step;
            args.in_count = col.in_count;
            const int64_t first = out_row * row_floats + col.first * channels;
            args.out = buffers.out + first;
            args.out_step = col.step * channels;
            args.addend = buffers.addend == nullptr ? nullptr : buffers.addend + first;
            kernels.depthwise(args);
          }
          if (masks_rows) {
            kernels.write_mask(buffers.out + out_row * row_floats, row_floats, activation,
                               buffers.mask + out_row * row_floats / 8);
          }
        }
      }
    }
    if (buffers.mask != nullptr && !masks_rows) {
      kernels.write_mask(buffers.out, batch * out_h_ * row_floats, activation, buffers.mask);
    }
  }

 private:
  std::vector<AxisLine> rows_, cols_;
  int64_t in_h_, in_w_, out_h_, out_w_, kernel_;
};

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
    loop_.run({static_cast<const float*>(buffers.x), static_cast<const float*>(buffers.w),
               static_cast<float*>(buffers.y), static_cast<const float*>(buffers.bias),
               static_cast<const float*>(buffers.residual), buffers.mask},
              shape_.batch, shape_.in_c, activation_);
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
    auto* dx = static_cast<float*>(buffers.dx);
    loop_.run({static_cast<const float*>(buffers.dy), static_cast<const float*>(buffers.w), dx,
               nullptr, mode == GradientMode::accumulate ? dx : nullptr, nullptr},
              shape_.batch, shape_.in_c, Activation::none);
    work_counters().grad_input.fetch_add(shape_.multiply_adds(), std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
  DepthwiseLoop loop_;
};

}  // namespace

void require_depthwise(const ConvShape& shape) {
  if (!shape.depthwise || shape.in_c != shape.out_c) {
    throw std::invalid_argument("not a depthwise convolution");
  }
  if (shape.kernel > kMaxDepthwiseKernel)
    throw std::invalid_argument("depthwise kernel beyond 11 x 11");
}

std::unique_ptr<ConvForward> make_depthwise_forward(const ConvShape& shape, Activation activation) {
  return std::make_unique<DepthwiseForward>(shape, activation);
}

std::unique_ptr<ConvGradInput> make_depthwise_grad_input(const ConvShape& shape) {
  return std::make_unique<DepthwiseGradInput>(shape);
}

}  // namespace trady::kernels::cpu
