#include "models/inverted_residual.h"

#include "engine/error.h"

namespace trady::models {

namespace {

using kernels::Activation;

ConvNames with_own_batch_norm(const std::string& conv) {
  return {conv, conv + ".bn"};
}

}  // namespace

TensorId record_block(Tape& tape, TensorId x, const Block& block, const BlockNames& names,
                      double batch_norm_epsilon) {
  TensorId y = x;
  if (block.mid != block.in) {
    y = tape.conv2d(y, {.name = names.expand.conv,
                        .out_channels = block.mid,
                        .batch_norm = names.expand.batch_norm,
                        .epsilon = batch_norm_epsilon,
                        .activation = Activation::relu6});
  }
  y = tape.conv2d(y, {.name = names.depthwise.conv,
                      .out_channels = block.mid,
                      .kernel = block.kernel,
                      .stride = block.stride,
                      .depthwise = true,
                      .batch_norm = names.depthwise.batch_norm,
                      .epsilon = batch_norm_epsilon,
                      .activation = Activation::relu6});
  return tape.conv2d(y, {.name = names.project.conv,
                         .out_channels = block.out,
                         .batch_norm = names.project.batch_norm,
                         .epsilon = batch_norm_epsilon,
                         .residual = block.residual ? x : kNoTensor});
}

Network build_inverted_residual(const std::string& name, const InvertedResidualSpec& spec,
                                const NetworkOptions& options) {
  if (options.mix && spec.mix == 0) {
    fail("[model] ", name, " has no mix convolution in front of its pooling; leave --mix out");
  }
  Network network{name, options, Tape(options.batch_norm)};
  Tape& tape = network.tape;
  const double epsilon = options.batch_norm_epsilon.value_or(spec.batch_norm_epsilon);
  const auto conv = [&](TensorId x, const std::string& conv_name, int64_t channels, int64_t kernel,
                        int64_t stride) {
    const ConvNames names = with_own_batch_norm(conv_name);
    return tape.conv2d(x, {.name = names.conv,
                           .out_channels = channels,
                           .kernel = kernel,
                           .stride = stride,
                           .batch_norm = names.batch_norm,
                           .epsilon = epsilon,
                           .activation = Activation::relu6});
  };
  TensorId x = tape.image(options.image_size, options.normalization);
  x = conv(x, "first_conv", spec.stem, 3, 2);
  for (size_t i = 0; i < spec.blocks.size(); ++i) {
    const std::string block = concat("blocks.", i);
    const BlockNames names{with_own_batch_norm(block + ".expand"),
                           with_own_batch_norm(block + ".depthwise"),
                           with_own_batch_norm(block + ".project")};
    x = record_block(tape, x, spec.blocks[i], names, epsilon);
  }
  if (options.mix) x = conv(x, "mix", spec.mix, 1, 1);
  x = tape.mean_pool(x);
  tape.cross_entropy(tape.linear(x, "classifier", options.classes));
  return network;
}

}  // namespace trady::models
