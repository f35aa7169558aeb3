// Slices of a depthwise convolution's weight gradient.
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace trady::kernels::cpu {

std::unique_ptr<ConvGradWeight> make_depthwise_grad_weight(const ConvShape& shape, int64_t count);

}  // namespace trady::kernels::cpu
