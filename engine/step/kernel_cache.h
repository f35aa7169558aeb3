// Prepared passes by shape, so that a new selection builds only what it changes.
#pragma once

#include <map>
#include <memory>
#include <tuple>

#include "kernels/backend.h"

namespace trady {

/// Bounded by the shapes of one network at one micro-batch: weight gradients, whose shapes change
/// with every draw, are cheap to prepare and are not kept.
class KernelCache {
 public:
  explicit KernelCache(const kernels::Backend& backend) : backend_(backend) {}

  std::shared_ptr<const kernels::ConvForward> forward(const kernels::ConvShape& shape,
                                                      kernels::Activation activation);
  std::shared_ptr<const kernels::ConvGradInput> grad_input(const kernels::ConvShape& shape);

 private:
  using Key =
      std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool>;
  static Key key_of(const kernels::ConvShape& shape);

  const kernels::Backend& backend_;
  std::map<std::pair<Key, kernels::Activation>, std::shared_ptr<const kernels::ConvForward>>
      forward_;
  std::map<Key, std::shared_ptr<const kernels::ConvGradInput>> grad_input_;
};

}  // namespace trady
