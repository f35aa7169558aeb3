// Convolutions of every shape, depthwise ones too, by cuDNN on NHWC tensors: forward, grad_input,
// and grad_weight for all channels (cuDNN knows no slices), for comparison and for dense updates.
// Their scratch holds, besides the workspace, a copy of the output: forward stores its sums there
// where the residual lies in y, grad_input what it has to add.
#pragma once

#include <memory>

#include "kernels/cuda/vendor_passes.h"

namespace trady::kernels::cuda {

/// stream: cudaStream_t. Null where trady was built without cuDNN; throws std::runtime_error where
/// it cannot start.
std::unique_ptr<VendorPasses> make_cudnn_passes(Precision precision, void* stream);

}  // namespace trady::kernels::cuda
