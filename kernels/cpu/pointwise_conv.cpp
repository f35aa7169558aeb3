// Pointwise convolution: y [P][C'] = x [P][C] W^T and dx [P][C] = dy [P][C'] W, both with vectors
// along the result's channels. Forward wants W^T (its prepared copy); grad_input takes the plain W.
#include <algorithm>
#include <stdexcept>

#include "kernels/cpu/conv_passes.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

/// Rows of a block: what they read and write should stay in half of the first-level cache, or of a
/// quarter of the second-level cache if the weight, which every block reads, has left that anyway.
/// A multiple of 24 fills tiles of every height and begins on a whole byte of mask.
int64_t block_rows(int64_t in_channels, int64_t out_channels) {
  const bool weight_is_near = in_channels * out_channels * 4 <= 256 * 1024;
  const int64_t block_floats = (weight_is_near ? 16 : 128) * 1024 / 4;
  return std::max<int64_t>(24, block_floats / (in_channels + out_channels) / 24 * 24);
}

void require_pointwise(const ConvShape& shape) {
  if (!is_pointwise(shape)) throw std::invalid_argument("not a pointwise convolution");
}

class PointwiseForward final : public ConvForward {
 public:
  PointwiseForward(const ConvShape& shape, Activation activation)
      : shape_(shape), activation_(activation) {
    require_pointwise(shape);
  }
  int64_t scratch_bytes() const override { return 0; }
  int64_t prepared_weight_bytes() const override { return shape_.weight_elements() * 4; }
  void prepare_weight(const void* w, void* prepared) const override {
    transpose(static_cast<const float*>(w), shape_.out_c, shape_.in_c,
              static_cast<float*>(prepared));
  }

  void run(const Buffers& buffers) const override {
    const VectorKernels& kernels = vector_kernels();
    const int64_t positions = shape_.out_positions();
    const int64_t step = block_rows(shape_.in_c, shape_.out_c);
    GemmArgs gemm;
    gemm.n = shape_.out_c;
    gemm.inner = shape_.in_c;
    gemm.a_m = shape_.in_c;
    gemm.a_inner = 1;
    gemm.b = static_cast<const float*>(buffers.w);
    gemm.b_inner = shape_.out_c;
    gemm.c_m = shape_.out_c;
    gemm.bias = static_cast<const float*>(buffers.bias);
    gemm.activation = activation_;
    const auto* residual = static_cast<const float*>(buffers.residual);
    for (int64_t row = 0; row < positions; row += step) {
      gemm.m = std::min(step, positions - row);
      gemm.a = static_cast<const float*>(buffers.x) + row * shape_.in_c;
      gemm.c = static_cast<float*>(buffers.y) + row * shape_.out_c;
      gemm.addend = residual == nullptr ? nullptr : residual + row * shape_.out_c;
      kernels.gemm(gemm);
      if (buffers.mask != nullptr) {
        kernels.write_mask(gemm.c, gemm.m * shape_.out_c, activation_,
                           buffers.mask + row * shape_.out_c / 8);
      }
    }
    work_counters().forward.fetch_add(positions * gemm.n * gemm.inner, std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
  Activation activation_;
};

class PointwiseGradInput final : public ConvGradInput {
 public:
  explicit PointwiseGradInput(const ConvShape& shape) : shape_(shape) { require_pointwise(shape); }
  int64_t scratch_bytes() const override { return 0; }

  void run(const Buffers& buffers, GradientMode mode) const override {
    const VectorKernels& kernels = vector_kernels();
    const int64_t positions = shape_.out_positions();
    const int64_t step = block_rows(shape_.out_c, shape_.in_c);
    GemmArgs gemm;
    gemm.n = shape_.in_c;
    gemm.inner = shape_.out_c;
    gemm.a_m = shape_.out_c;
    gemm.a_inner = 1;
    gemm.b = static_cast<const float*>(buffers.w);
    gemm.b_inner = shape_.in_c;
    gemm.c_m = shape_.in_c;
    for (int64_t row = 0; row < positions; row += step) {
      gemm.m = std::min(step, positions - row);
      gemm.a = static_cast<const float*>(buffers.dy) + row * shape_.out_c;
      gemm.c = static_cast<float*>(buffers.dx) + row * shape_.in_c;
      gemm.addend = mode == GradientMode::accumulate ? gemm.c : nullptr;
      kernels.gemm(gemm);
    }
    work_counters().grad_input.fetch_add(positions * gemm.n * gemm.inner,
                                         std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
};

}  // namespace

bool is_pointwise(const ConvShape& shape) {
  return shape.kernel == 1 && shape.stride == 1 && shape.padding == 0 && !shape.depthwise;
}

std::unique_ptr<ConvForward> make_pointwise_forward(const ConvShape& shape, Activation activation) {
  return std::make_unique<PointwiseForward>(shape, activation);
}

std::unique_ptr<ConvGradInput> make_pointwise_grad_input(const ConvShape& shape) {
  return std::make_unique<PointwiseGradInput>(shape);
}

}  // namespace trady::kernels::cpu
