// y = x w^T, dx = dy w and dw = dy^T x through cuBLAS (cublas_matmul.cuh, which says how matrices
// are written). No kernels here.
#include "kernels/cuda/cublas_passes.h"

#include "kernels/cuda/conv_epilogue.h"
#include "kernels/cuda/cublas_matmul.cuh"
#include "kernels/cuda/small_ops.h"
#include "kernels/cuda/traffic.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

using cublas::Library;
using cublas::Matmul;
using cublas::Product;

/// y[out_c, positions] = w[in_c, out_c]^T x[in_c, positions]
class CublasForward final : public ConvForward {
 public:
  static std::unique_ptr<ConvForward> find(const Library& library, const ConvShape& shape,
                                           Activation activation) {
    const auto matmul = Matmul::find(library, {.m = shape.out_c,
                                               .n = shape.out_positions(),
                                               .k = shape.in_c,
                                               .transposed_a = true,
                                               .adds_bias = activation == Activation::none,
                                               .precision = library.precision});
    if (!matmul) return nullptr;
    return std::unique_ptr<ConvForward>(
        new CublasForward(shape, activation, *matmul, library.stream));
  }

  int64_t scratch_bytes() const override {
    return scratch_with_workspace(0, matmul_.workspace_bytes());
  }

  bool packs_output() const override { return true; }
  void run(const Buffers& b) const override {
    const bool complete = activation_ == Activation::none;
    work_counters().count_forward(
        shape_.multiply_adds(),
        vendor_forward_bytes(shape_, b, complete ? FinishedBy::library : FinishedBy::us));
    matmul_.run(
        "cublas_forward",
        {.a = b.w, .b = b.x, .bias = complete ? b.bias : nullptr, .c = b.residual, .d = b.y},
        workspace_in(b.scratch, 0));
    auto* y = static_cast<float*>(b.y);
    conv_epilogue({.sums = y,
                   .bias = complete ? nullptr : static_cast<const float*>(b.bias),
                   .y = y,
                   .mask = b.mask,
                   .save = b.save,
                   .positions = shape_.out_positions(),
                   .columns = shape_.out_c,
                   .activation = activation_},
                  stream_);
  }

 private:
  CublasForward(const ConvShape& shape, Activation activation, const Matmul& matmul,
                cudaStream_t stream)
      : shape_(shape), activation_(activation), matmul_(matmul), stream_(stream) {}

  ConvShape shape_;
  Activation activation_;
  Matmul matmul_;
  cudaStream_t stream_;
};

/// dx[in_c, positions] = w[in_c, out_c] dy[out_c, positions] (+ dx)
class CublasGradInput final : public ConvGradInput {
 public:
  static std::unique_ptr<ConvGradInput> find(const Library& library, const ConvShape& shape) {
    const auto matmul = Matmul::find(library, {.m = shape.in_c,
                                               .n = shape.out_positions(),
                                               .k = shape.out_c,
                                               .precision = library.precision});
    if (!matmul) return nullptr;
    return std::unique_ptr<ConvGradInput>(new CublasGradInput(shape, *matmul));
  }

  int64_t scratch_bytes() const override {
    return scratch_with_workspace(0, matmul_.workspace_bytes());
  }

  void run(const Buffers& b, GradientMode mode) const override {
    work_counters().count_grad_input(shape_.multiply_adds(), grad_input_bytes(shape_, mode));
    matmul_.run("cublas_grad_input",
                {.a = b.w,
                 .b = b.dy,
                 .bias = nullptr,
                 .c = mode == GradientMode::accumulate ? b.dx : nullptr,
                 .d = b.dx},
                workspace_in(b.scratch, 0));
  }

 private:
  CublasGradInput(const ConvShape& shape, const Matmul& matmul) : shape_(shape), matmul_(matmul) {}

  ConvShape shape_;
  Matmul matmul_;
};

/// dw[columns, rows] = x[columns, positions] dy[rows, positions]^T. Listed output channels of dy
/// are gathered before.
class CublasGradWeight final : public ConvGradWeight {
 public:
  static std::unique_ptr<ConvGradWeight> find(const Library& library, const ConvShape& shape,
                                              SliceKind kind, int64_t count) {
    const bool outputs = kind == SliceKind::output_channels;
    const Product product{.m = outputs ? shape.in_c : count,
                          .n = outputs ? count : shape.out_c,
                          .k = shape.out_positions(),
                          .transposed_b = true,
                          .precision = library.precision};
    const auto matmul = Matmul::find(library, product);
    if (!matmul) return nullptr;
    return std::unique_ptr<ConvGradWeight>(
        new CublasGradWeight(shape, kind, count, product, *matmul, library));
  }

  int64_t scratch_bytes() const override {
    return scratch_with_workspace(gathered_bytes(), matmul_.workspace_bytes());
  }

  void run(const Buffers& b) const override {
    work_counters().count_grad_weight(product_.m * product_.n * product_.k,
                                      grad_weight_bytes(shape_, kind_, count_, gathered_bytes()));
    const void* dy = b.dy;
    if (gathered_bytes() > 0) {
      auto* gathered = static_cast<float*>(b.scratch);
      pack_channels(static_cast<const float*>(b.dy), shape_.out_positions(), shape_.out_c,
                    b.channels, gathered, stream_);
      dy = gathered;
    }
    matmul_.run("cublas_grad_weight", {.a = b.x, .b = dy, .bias = nullptr, .c = nullptr, .d = b.dw},
                workspace_in(b.scratch, gathered_bytes()));
  }

 private:
  CublasGradWeight(const ConvShape& shape, SliceKind kind, int64_t count, const Product& product,
                   const Matmul& matmul, const Library& library)
      : shape_(shape),
        kind_(kind),
        count_(count),
        product_(product),
        matmul_(matmul),
        stream_(library.stream) {}

  int64_t gathered_bytes() const {
    return product_.n < shape_.out_c ? product_.k * product_.n * int64_t{sizeof(float)} : 0;
  }

  ConvShape shape_;
  SliceKind kind_;
  int64_t count_;
  Product product_;
  Matmul matmul_;
  cudaStream_t stream_;
};

/// Whether every output position reads its own input position, all channels, and no other.
bool is_product(const ConvShape& shape) {
  return shape.kernel == 1 && shape.stride == 1 && shape.padding == 0 && !shape.depthwise;
}

class CublasPasses final : public VendorPasses {
 public:
  CublasPasses(Precision precision, cudaStream_t stream)
      : library_{.handle = {}, .precision = precision, .stream = stream} {}

  std::string version() const override { return library_version("cuBLAS", cublasLtGetVersion()); }
  std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape,
                                            Activation activation) const override {
    check_shape(shape);
    return is_product(shape) ? CublasForward::find(library_, shape, activation) : nullptr;
  }
  std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const override {
    check_shape(shape);
    return is_product(shape) ? CublasGradInput::find(library_, shape) : nullptr;
  }
  std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                   int64_t count) const override {
    check_slices(shape, kind, count);
    if (!is_product(shape) || count == 0) return nullptr;
    return CublasGradWeight::find(library_, shape, kind, count);
  }

 private:
  Library library_;
};

}  // namespace

std::unique_ptr<VendorPasses> make_cublas_passes(Precision precision, void* stream) {
  return std::make_unique<CublasPasses>(precision, static_cast<cudaStream_t>(stream));
}

}  // namespace trady::kernels::cuda
