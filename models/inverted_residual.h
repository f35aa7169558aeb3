// Networks of inverted residual blocks: expand 1x1, depthwise k x k, project 1x1 (Sandler et al.,
// CVPR 2018), as MobileNetV2, MCUNet and ProxylessNAS arrange them.
#pragma once

#include <string>
#include <vector>

#include "models/network.h"

namespace trady::models {

struct Block {
  int64_t in, mid, out;
  int64_t kernel = 3, stride = 1;
  bool residual = false;
};

struct InvertedResidualSpec {
  int64_t stem = 16;  ///< channels of the first convolution, 3x3 with stride 2
  /// The first block has no expansion: its `mid` equals its `in`.
  std::vector<Block> blocks;
  int64_t mix = 0;  ///< channels of the optional last 1x1 convolution
};

/// Parameters are called first_conv, blocks.<i>.expand / depthwise / project, mix, classifier.
/// Throws Error when the image is too small for the strides, and for a mix convolution where the
/// network has none.
Network build_inverted_residual(const std::string& name, const InvertedResidualSpec& spec,
                                const NetworkOptions& options);

}  // namespace trady::models
