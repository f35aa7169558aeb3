// MobileNetV2 (Sandler et al., CVPR 2018) of any width, with torchvision's parameter names.
#pragma once

#include <string>

#include "models/network.h"

namespace trady::models {

/// The paper's table with every number of channels multiplied by `options.width` and rounded to a
/// multiple of 8, the last convolution's only by widths above 1. Parameters: features.<i>..., where
/// a convolution is followed by its batch-norm, and classifier.1. Throws Error for a width that is
/// not positive.
Network build_mobilenet_v2(const std::string& name, const NetworkOptions& options);

}  // namespace trady::models
