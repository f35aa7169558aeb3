// Dense k x k convolutions of a build without oneDNN: our own loops.
#include "kernels/cpu/dense_conv.h"

#include "kernels/cpu/conv_passes.h"

namespace trady::kernels::cpu {

std::unique_ptr<ConvForward> make_dense_forward(const ConvShape& shape, Activation activation) {
  return make_window_forward(shape, activation);
}

std::unique_ptr<ConvGradInput> make_dense_grad_input(const ConvShape& shape) {
  return make_window_grad_input(shape);
}

}  // namespace trady::kernels::cpu
