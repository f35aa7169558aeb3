// The convolutions that are matrix products: pointwise, k x k (implicit GEMM) and linear; on tensor
// cores in TF32, or exactly in fp32. Depthwise convolutions are elsewhere (depthwise_passes.h).
#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/cuda/device/runtime.cuh"
#include "kernels/cuda/precision.h"

namespace trady::kernels::cuda {

std::unique_ptr<ConvForward> make_gemm_forward(const ConvShape& shape, Activation activation,
                                               Precision precision, cudaStream_t stream);
std::unique_ptr<ConvGradInput> make_gemm_grad_input(const ConvShape& shape, Precision precision,
                                                    cudaStream_t stream);
std::unique_ptr<ConvGradWeight> make_gemm_grad_weight(const ConvShape& shape, SliceKind kind,
                                                      int64_t count, Precision precision,
                                                      cudaStream_t stream);

}  // namespace trady::kernels::cuda
