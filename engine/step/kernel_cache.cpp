#include "engine/step/kernel_cache.h"

#include <algorithm>

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

int64_t KernelCache::grad_weight_scratch_bytes(const kernels::ConvShape& shape,
                                               kernels::SliceKind kind, int64_t max_count) {
  const auto [entry, inserted] =
      grad_weight_scratch_.try_emplace({key_of(shape), kind, max_count}, 0);
  if (inserted) {
    for (int64_t count = 1; count <= max_count; ++count) {
      const auto pass = backend_.conv_grad_weight(shape, kind, count);
      entry->second = std::max(entry->second, pass->scratch_bytes());
    }
  }
  return entry->second;
}

}  // namespace trady
