// Every convolution pass as oneDNN computes it: used where it measured faster than our own, and by
// the benchmarks as the side to beat. Without oneDNN in the build each returns null.
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace trady::kernels::cpu {

/// Who clips: oneDNN, fused, which turns a NaN into 0 and so hides a diverging network; or a loop
/// of ours afterwards, which keeps it.
enum class Clipping { fused, keeps_nan };

std::unique_ptr<ConvForward> make_onednn_forward(const ConvShape& shape, Activation activation,
                                                 Clipping clipping);
std::unique_ptr<ConvGradInput> make_onednn_grad_input(const ConvShape& shape);

}  // namespace trady::kernels::cpu
