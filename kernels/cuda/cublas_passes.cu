// y = x w^T, dx = dy w and dw = dy^T x through cublasLtMatmul. No kernels here.
// cuBLAS stores matrices by columns, so that what is [rows][columns] here is [columns, rows] to it;
// every product below is written as cuBLAS sees it: d[m, n] = a[m, k] b[k, n] + beta c[m, n].
// Deterministic: partial sums of a split k are kept apart in the workspace and added in a step of
// their own. Algorithms are found by cuBLAS's heuristic when a pass is made, never by timing.
#include "kernels/cuda/cublas_passes.h"

#include <cublasLt.h>

#include <array>
#include <optional>

#include "kernels/cuda/conv_epilogue.h"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/small_ops.h"
#include "kernels/cuda/traffic.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

void check_cublas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw_library_error("cuBLAS", what, cublasLtGetStatusString(status), "TRADY_CUBLAS");
}

/// All matrices are contiguous. Transposed: a is stored as [k, m], b as [n, k].
struct Product {
  int64_t m = 0, n = 0, k = 0;
  bool transposed_a = false, transposed_b = false;
  bool adds_bias = false;  ///< bias[m] to every column of d
  Precision precision = Precision::tf32;
};

/// What every pointer satisfies (kernels/backend.h); some algorithms want more.
constexpr uint32_t kAlignment = 16;

/// How cuBLAS is told of a product. Small structs on the stack: nothing is allocated.
struct Descriptors {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t a, b, d;

  Descriptors(const Product& p, const void* bias) {
    const cublasComputeType_t compute =
        p.precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    check_cublas(cublasLtMatmulDescInit(&operation, compute, CUDA_R_32F), "describing a product");
    set(CUBLASLT_MATMUL_DESC_TRANSA, p.transposed_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, p.transposed_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (p.adds_bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    }
    init_layout(a, p.transposed_a ? p.k : p.m, p.transposed_a ? p.m : p.k);
    init_layout(b, p.transposed_b ? p.n : p.k, p.transposed_b ? p.k : p.n);
    init_layout(d, p.m, p.n);
  }

 private:
  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value) {
    check_cublas(cublasLtMatmulDescSetAttribute(&operation, attribute, &value, sizeof value),
                 "describing a product");
  }
  static void init_layout(cublasLtMatrixLayoutOpaque_t& layout, int64_t rows, int64_t columns) {
    check_cublas(cublasLtMatrixLayoutInit(&layout, CUDA_R_32F, static_cast<uint64_t>(rows),
                                          static_cast<uint64_t>(columns), rows),
                 "describing a matrix");
  }
};

class Handle {
 public:
  Handle() { check_cublas(cublasLtCreate(&handle_), "creating a handle"); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { cublasLtDestroy(handle_); }
  cublasLtHandle_t get() const { return handle_; }

 private:
  cublasLtHandle_t handle_ = nullptr;
};

struct Library {
  Handle handle;
  Precision precision;
  cudaStream_t stream;
};

struct Operands {
  const void* a;
  const void* b;
  const void* bias;  ///< [m], or null
  const void* c;     ///< [m, n], null for none; may be d
  void* d;           ///< [m, n]
};

/// A product with the algorithm that serves it.
class Matmul {
 public:
  /// None where cuBLAS has no algorithm that fits.
  static std::optional<Matmul> find(const Library& library, const Product& product) {
    cublasLtMatmulPreferenceOpaque_t preference;
    check_cublas(cublasLtMatmulPreferenceInit(&preference), "describing preferences");
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
      check_cublas(
          cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof value),
          "describing preferences");
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(kMostWorkspaceBytes));
    // Not in place, where parts of k are added to d in turn.
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
           static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE |
                                 CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, kAlignment);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, kAlignment);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, kAlignment);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, kAlignment);

    // Of the bias's address the heuristic reads nothing but the alignment.
    Descriptors of(product, reinterpret_cast<const void*>(uintptr_t{kAlignment}));
    std::array<cublasLtMatmulHeuristicResult_t, 4> results{};
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        library.handle.get(), &of.operation, &of.a, &of.b, &of.d, &of.d, &preference,
        static_cast<int>(results.size()), results.data(), &found);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) return std::nullopt;
    check_cublas(status, "choosing an algorithm");
    for (int i = 0; i < found; ++i) {
      const auto& result = results[static_cast<size_t>(i)];
      if (result.state == CUBLAS_STATUS_SUCCESS) return Matmul(library, product, result);
    }
    return std::nullopt;
  }

  int64_t workspace_bytes() const { return workspace_bytes_; }

  void run(const char* name, const Operands& operands, void* workspace) const {
    Descriptors of(product_, operands.bias);
    const float one = 1, zero = 0;
    check_cublas(cublasLtMatmul(library_->handle.get(), &of.operation, &one, operands.a, &of.a,
                                operands.b, &of.b, operands.c != nullptr ? &one : &zero,
                                operands.c != nullptr ? operands.c : operands.d, &of.d, operands.d,
                                &of.d, &algorithm_, workspace,
                                static_cast<size_t>(workspace_bytes_), library_->stream),
                 name);
    wait_if_asked({name, dim3(), dim3(), 0, library_->stream});
  }

 private:
  Matmul(const Library& library, const Product& product,
         const cublasLtMatmulHeuristicResult_t& result)
      : library_(&library),
        product_(product),
        algorithm_(result.algo),
        workspace_bytes_(static_cast<int64_t>(result.workspaceSize)) {}

  const Library* library_;
  Product product_;
  cublasLtMatmulAlgo_t algorithm_;
  int64_t workspace_bytes_;
};

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

  std::string version() const override {
    const size_t v = cublasLtGetVersion();
    return "cuBLAS " + std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
           std::to_string(v % 100);
  }
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
