// Prepared passes by shape, so that a new selection builds only what it changes. Not thread-safe:
// steps are planned by one thread.
#pragma once

#include <map>
#include <memory>
#include <tuple>

#include "kernels/backend.h"

namespace trady {

/// Bounded by the shapes of one network at one micro-batch: weight gradients, whose shapes change
/// with every draw, are cheap to prepare and are not kept. Errors are the backend's
/// (kernels/shape_check.h). The backend must outlive the cache; passes may outlive it.
class KernelCache {
 public:
  explicit KernelCache(const kernels::Backend& backend) : backend_(backend) {}

  std::shared_ptr<const kernels::ConvForward> forward(const kernels::ConvShape& shape,
                                                      kernels::Activation activation);
  std::shared_ptr<const kernels::ConvGradInput> grad_input(const kernels::ConvShape& shape);
  /// The most scratch bytes that the weight gradient of any 1 .. `max_count` channels takes.
  /// They are not monotone in the count, since a device may compute short lists another way.
  int64_t grad_weight_scratch_bytes(const kernels::ConvShape& shape, kernels::SliceKind kind,
                                    int64_t max_count);

 private:
  using Key =
      std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool>;
  static Key key_of(const kernels::ConvShape& shape);

  const kernels::Backend& backend_;
  std::map<std::pair<Key, kernels::Activation>, std::shared_ptr<const kernels::ConvForward>>
      forward_;
  std::map<Key, std::shared_ptr<const kernels::ConvGradInput>> grad_input_;
  std::map<std::tuple<Key, kernels::SliceKind, int64_t>, int64_t> grad_weight_scratch_;
};

}  // namespace trady
