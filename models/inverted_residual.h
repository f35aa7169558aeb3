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

/// A convolution and the batch-norm behind it, as their parameters are called.
struct ConvNames {
  std::string conv, batch_norm;
};

/// Of a block's convolutions; `expand` is not used where the block has none.
struct BlockNames {
  ConvNames expand, depthwise, project;
};

/// Records one block on the tape; one whose `mid` equals its `in` has no expansion.
TensorId record_block(Tape& tape, TensorId x, const Block& block, const BlockNames& names,
                      double batch_norm_epsilon);

struct InvertedResidualSpec {
  int64_t stem = 16;          ///< channels of the first convolution, 3x3 with stride 2
  std::vector<Block> blocks;  ///< the first has no expansion
  int64_t mix = 0;            ///< channels of the optional last 1x1 convolution
  double batch_norm_epsilon = 1e-5;
};

/// Parameters are called first_conv, blocks.<i>.expand / depthwise / project, mix, classifier; the
/// batch-norm behind a convolution, where it is not folded, <convolution>.bn.
/// Throws Error when the image is too small for the strides, and for a mix convolution where the
/// network has none.
Network build_inverted_residual(const std::string& name, const InvertedResidualSpec& spec,
                                const NetworkOptions& options);

}  // namespace trady::models
