// Depthwise convolutions, any kernel, stride and padding: one filter a channel, so there is next to
// no arithmetic and all three passes are bound by bandwidth. Kernels 3, 5 and 7 at strides 1 and 2
// have kernels of their own; every other one runs a plain loop.
#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

std::unique_ptr<ConvForward> make_depthwise_forward(const ConvShape& shape, Activation activation,
                                                    cudaStream_t stream);
std::unique_ptr<ConvGradInput> make_depthwise_grad_input(const ConvShape& shape,
                                                         cudaStream_t stream);
std::unique_ptr<ConvGradWeight> make_depthwise_grad_weight(const ConvShape& shape, int64_t count,
                                                           cudaStream_t stream);

}  // namespace trady::kernels::cuda
