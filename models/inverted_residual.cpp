#include "models/inverted_residual.h"

#include "engine/error.h"

namespace trady::models {

namespace {

using kernels::Activation;

TensorId record_block(Tape& tape, TensorId x, const std::string& name, const Block& block) {
  TensorId y = x;
  if (block.mid != block.in) {
    y = tape.conv2d(
        y, {.name = name + ".expand", .out_channels = block.mid, .activation = Activation::relu6});
  }
  y = tape.conv2d(y, {.name = name + ".depthwise",
                      .out_channels = block.mid,
                      .kernel = block.kernel,
                      .stride = block.stride,
                      .depthwise = true,
                      .activation = Activation::relu6});
  return tape.conv2d(y, {.name = name + ".project",
                         .out_channels = block.out,
                         .residual = block.residual ? x : kNoTensor});
}

}  // namespace

Network build_inverted_residual(const std::string& name, const InvertedResidualSpec& spec,
                                const NetworkOptions& options) {
  if (options.mix && spec.mix == 0) {
    fail("[model] ", name, " has no mix convolution in front of its pooling; leave --mix out");
  }
  Network network{name, options, Tape(options.batch_norm)};
  Tape& tape = network.tape;
  TensorId x = tape.image(options.image_size, options.normalization);
  x = tape.conv2d(x, {.name = "first_conv",
                      .out_channels = spec.stem,
                      .kernel = 3,
                      .stride = 2,
                      .activation = Activation::relu6});
  for (size_t i = 0; i < spec.blocks.size(); ++i) {
    x = record_block(tape, x, concat("blocks.", i), spec.blocks[i]);
  }
  if (options.mix) {
    x = tape.conv2d(x, {.name = "mix", .out_channels = spec.mix, .activation = Activation::relu6});
  }
  x = tape.mean_pool(x);
  tape.cross_entropy(tape.linear(x, kHeadName, options.classes));
  return network;
}

}  // namespace trady::models
