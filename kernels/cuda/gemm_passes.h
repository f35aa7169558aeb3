// The convolutions that are matrix products: pointwise, k x k (implicit GEMM) and linear; on tensor
// cores in TF32, or exactly in fp32. Depthwise convolutions are elsewhere (depthwise_*.h).
#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

enum class Precision {
  tf32,  ///< operands rounded to 10 bits of fraction, sums in fp32
  fp32,  ///< exact products, sums in fp32
};

std::unique_ptr<ConvForward> make_gemm_forward(const ConvShape& shape, Activation activation,
                                               Precision precision, cudaStream_t stream);
std::unique_ptr<ConvGradInput> make_gemm_grad_input(const ConvShape& shape, Precision precision,
                                                    cudaStream_t stream);
std::unique_ptr<ConvGradWeight> make_gemm_grad_weight(const ConvShape& shape, SliceKind kind,
                                                      int64_t count, Precision precision,
                                                      cudaStream_t stream);

}  // namespace trady::kernels::cuda
