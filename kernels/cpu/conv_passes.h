// The convolution passes that the CPU backend chooses from. Which one suits a shape is the
// backend's to know: a pass that is made for another kind of shape throws std::invalid_argument.
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace trady::kernels::cpu {

/// 1 x 1, stride 1, no padding: matrix products of our own.
bool is_pointwise(const ConvShape& shape);
std::unique_ptr<ConvForward> make_pointwise_forward(const ConvShape& shape, Activation activation);
std::unique_ptr<ConvGradInput> make_pointwise_grad_input(const ConvShape& shape);

/// The largest depthwise kernel: rows of pointers are kept on the stack.
constexpr int64_t kMaxDepthwiseKernel = 11;
/// Throws std::invalid_argument unless `shape` is depthwise with a kernel up to that.
void require_depthwise(const ConvShape& shape);
/// Depthwise, any stride and padding: loops of our own.
std::unique_ptr<ConvForward> make_depthwise_forward(const ConvShape& shape, Activation activation);
std::unique_ptr<ConvGradInput> make_depthwise_grad_input(const ConvShape& shape);

/// Any other convolution, by matrix products of our own over windows.
std::unique_ptr<ConvForward> make_window_forward(const ConvShape& shape, Activation activation);
std::unique_ptr<ConvGradInput> make_window_grad_input(const ConvShape& shape);

/// Slices of the weight gradient.
std::unique_ptr<ConvGradWeight> make_sliced_grad_weight(const ConvShape& shape, SliceKind kind,
                                                        int64_t count);

}  // namespace trady::kernels::cpu
