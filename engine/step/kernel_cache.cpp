#include "engine/step/kernel_cache.h"

namespace trady {

KernelCache::Key KernelCache::key_of(const kernels::ConvShape& s) {
  return {s.batch, s.in_h, s.in_w, s.in_c, s.out_c, s.kernel, s.stride, s.padding, s.depthwise};
}

std::shared_ptr<const kernels::ConvForward> KernelCache::forward(const kernels::ConvShape& shape,
                                                                 kernels::Activation activation) {
  auto& pass = forward_[{key_of(shape), activation}];
  if (!pass) pass = backend_.conv_forward(shape, activation);
  return pass;
}

std::shared_ptr<const kernels::ConvGradInput> KernelCache::grad_input(
    const kernels::ConvShape& shape) {
  auto& pass = grad_input_[key_of(shape)];
  if (!pass) pass = backend_.conv_grad_input(shape);
  return pass;
}

}  // namespace trady
