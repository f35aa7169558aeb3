// The whole weight gradient as oneDNN computes it: what sliced gradients are measured against.
#pragma once

#include <memory>
#include <string>

#include "kernels/types.h"

namespace trady::kernels::cpu {

class DenseGradWeightOneDnn {
 public:
  virtual ~DenseGradWeightOneDnn() = default;
  virtual std::string implementation() const = 0;  ///< oneDNN's name of it
  virtual int64_t weight_gradient_bytes() const = 0;
  virtual int64_t scratch_bytes() const = 0;
  /// x [N, H, W, C], dy [N, H', W', C']; dw in whatever layout oneDNN likes best: the comparison
  /// charges it for no reordering.
  virtual void run(const float* x, const float* dy, void* dw, void* scratch) const = 0;
};

/// Null in a build without oneDNN.
std::unique_ptr<DenseGradWeightOneDnn> make_dense_grad_weight_onednn(const ConvShape& shape);

}  // namespace trady::kernels::cpu
