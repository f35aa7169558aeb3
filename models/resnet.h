// Residual networks (He et al., CVPR 2016) with the parameter names of torchvision and, for CIFAR,
// of akamaster/pytorch_resnet_cifar10.
#pragma once

#include <string>
#include <vector>

#include "models/network.h"

namespace trady::models {

struct ResNetSpec {
  std::vector<int> blocks;  ///< residual blocks of layer1 .. layer4
  bool bottleneck = false;  ///< 1x1, 3x3, 1x1 with four times the channels; else two 3x3
};

/// 7x7 convolution, max pooling, four groups of blocks; a block that changes the shape has a 1x1
/// convolution on its short way (`downsample`), and a bottleneck its stride on the 3x3. Parameters:
/// conv1, bn1, layer<g>.<i>.conv<n>, bn<n>, downsample.0 and .1, fc.
Network build_resnet(const std::string& name, const ResNetSpec& spec,
                     const NetworkOptions& options);

/// For 32 x 32 images: 3x3 convolution, three groups of `blocks_per_group` blocks with 16, 32 and
/// 64 channels; where the shape changes, the short way has no parameters (option A). Parameters:
/// conv1, bn1, layer<g>.<i>.conv<n>, bn<n>, linear.
Network build_cifar_resnet(const std::string& name, int blocks_per_group,
                           const NetworkOptions& options);

}  // namespace trady::models
