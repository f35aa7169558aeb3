// Pointwise (stride 1, no padding) and linear layers as matrix products of cuBLASLt: forward,
// grad_input, and grad_weight for any list of channels, which is one plain product on the packed x.
// Bias, residual, activation, mask and packing: conv_epilogue.h, or where there is no activation
// the product's own epilogue.
#pragma once

#include <memory>

#include "kernels/cuda/vendor_passes.h"

namespace trady::kernels::cuda {

/// stream: cudaStream_t. Null where trady was built without cuBLAS; throws std::runtime_error where
/// it cannot start.
std::unique_ptr<VendorPasses> make_cublas_passes(Precision precision, void* stream);

}  // namespace trady::kernels::cuda
