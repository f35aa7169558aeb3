// One matrix product of cublasLtMatmul, with the algorithm that serves it.
// cuBLAS stores matrices by columns, so that what is [rows][columns] in C++ is [columns, rows] to
// it; every product is written as cuBLAS sees it: d[m, n] = a[m, k] b[k, n] + beta c[m, n].
// Deterministic: partial sums of a split k are kept apart in the workspace and added in a step of
// their own. Algorithms are found by cuBLAS's heuristic when a product is made, never by timing.
// Part of cublas_passes.cu alone.
#pragma once

#include <cublasLt.h>

#include <array>
#include <optional>

#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/vendor_passes.h"

namespace trady::kernels::cuda::cublas {

inline void check_cublas(cublasStatus_t status, const char* what) {
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

}  // namespace trady::kernels::cuda::cublas
