// Slices of a depthwise convolution's weight gradient; contract: ConvGradWeight in
// kernels/backend.h (depthwise: x and dw are packed in both kinds of slices).
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace trady::kernels::cpu {

/// For `count` channels of `shape`, 0 <= count <= shape.in_c. Short lists are computed another way
/// than long ones, so that scratch_bytes() is not monotone in the count.
/// Throws std::invalid_argument if `shape` is not depthwise or its kernel is above
/// kMaxDepthwiseKernel.
std::unique_ptr<ConvGradWeight> make_depthwise_grad_weight(const ConvShape& shape, int64_t count);

}  // namespace trady::kernels::cpu
