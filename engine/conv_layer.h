// What the rest of the project needs to know of a selectable convolution, without the network.
#pragma once

#include <string>

#include "kernels/types.h"

namespace trady {

/// A 2-D convolution of a network, by its index in forward order (0 = first conv).
/// `shape.batch` is 1: costs are per sample (docs/method.md section 1).
struct ConvLayer {
  int index = 0;
  std::string name;  ///< parameter prefix, e.g. "blocks.3.expand"
  kernels::ConvShape shape;
  bool has_activation = false;  ///< behind it, or behind its batch-norm
  bool adds_residual = false;   ///< the last of a residual branch: its output is added to the input
};

}  // namespace trady
