#include "models/mobilenet_v2.h"

#include <algorithm>

#include "engine/error.h"
#include "models/inverted_residual.h"

namespace trady::models {

namespace {

using kernels::Activation;

/// The nearest multiple of 8, at least 8 and at least nine tenths of `channels`.
int64_t whole_eights(double channels) {
  constexpr int64_t kEight = 8;
  const auto nearest = static_cast<int64_t>((channels + kEight / 2.0) / kEight) * kEight;
  const int64_t rounded = std::max(kEight, nearest);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + kEight : rounded;
}

/// Blocks that follow each other: the first has the stride, and its residual is left out.
struct Group {
  int64_t expansion, channels;
  int repeats;
  int64_t stride;
};
constexpr Group kGroups[] = {
    {1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2},  {6, 64, 4, 2},
    {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
};

/// torchvision's: each convolution with its batch-norm and activation is a module of its own, the
/// last convolution and batch-norm stand bare.
BlockNames names_of_block(const std::string& module, bool expands) {
  const auto nested = [&](int i) {
    return ConvNames{concat(module, ".conv.", i, ".0"), concat(module, ".conv.", i, ".1")};
  };
  const int depthwise = expands ? 1 : 0;
  return {nested(0),
          nested(depthwise),
          {concat(module, ".conv.", depthwise + 1), concat(module, ".conv.", depthwise + 2)}};
}

}  // namespace

Network build_mobilenet_v2(const std::string& name, const NetworkOptions& options) {
  constexpr double kWidest = 64;
  const double width = options.width;
  if (!(width > 0 && width <= kWidest)) {
    fail("[model] ", name, ": the width must be above 0 and at most ", kWidest, ", got ", width);
  }
  Network network{name, options, Tape(options.batch_norm)};
  Tape& tape = network.tape;
  const double epsilon = options.batch_norm_epsilon.value_or(1e-5);
  const auto conv = [&](TensorId x, const std::string& module, int64_t channels, int64_t kernel,
                        int64_t stride) {
    return tape.conv2d(x, {.name = module + ".0",
                           .out_channels = channels,
                           .kernel = kernel,
                           .stride = stride,
                           .batch_norm = module + ".1",
                           .epsilon = epsilon,
                           .activation = Activation::relu6});
  };
  int64_t channels = whole_eights(32 * width);
  TensorId x = tape.image(options.image_size, options.normalization);
  x = conv(x, "features.0", channels, 3, 2);
  int module = 1;
  for (const Group& group : kGroups) {
    const int64_t out = whole_eights(static_cast<double>(group.channels) * width);
    for (int i = 0; i < group.repeats; ++i, ++module) {
      Block block{channels, channels * group.expansion, out};
      block.stride = i == 0 ? group.stride : 1;
      block.residual = block.stride == 1 && channels == out;
      x = record_block(tape, x, block,
                       names_of_block(concat("features.", module), group.expansion != 1), epsilon);
      channels = out;
    }
  }
  x = conv(x, concat("features.", module), whole_eights(1280 * std::max(1.0, width)), 1, 1);
  tape.cross_entropy(tape.linear(tape.mean_pool(x), "classifier.1", options.classes));
  return network;
}

}  // namespace trady::models
