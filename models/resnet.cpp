#include "models/resnet.h"

#include "engine/error.h"

namespace trady::models {

namespace {

using kernels::Activation;

enum class Shortcut { convolution, subsample };

/// Records blocks, and knows where their input came from.
class Builder {
 public:
  Builder(Network& network, bool bottleneck, Shortcut shortcut)
      : tape_(network.tape),
        bottleneck_(bottleneck),
        shortcut_(shortcut),
        epsilon_(network.options.batch_norm_epsilon.value_or(1e-5)) {}

  TensorId conv(TensorId x, const std::string& name, const std::string& norm, int64_t channels,
                int64_t kernel, int64_t stride, Activation activation,
                TensorId residual = kNoTensor) const {
    return tape_.conv2d(x, {.name = name,
                            .out_channels = channels,
                            .kernel = kernel,
                            .stride = stride,
                            .batch_norm = norm,
                            .epsilon = epsilon_,
                            .activation = activation,
                            .residual = residual});
  }

  /// A block's n-th convolution, counted from 1.
  TensorId nth(TensorId x, const std::string& block, int n, int64_t channels, int64_t kernel,
               int64_t stride, TensorId residual = kNoTensor) const {
    return conv(x, concat(block, ".conv", n), concat(block, ".bn", n), channels, kernel, stride,
                Activation::relu, residual);
  }

  TensorId block(TensorId x, const std::string& name, int64_t channels, int64_t stride) const {
    const int64_t out = bottleneck_ ? 4 * channels : channels;
    TensorId y = x;
    if (bottleneck_) {
      y = nth(y, name, 1, channels, 1, 1);
      y = nth(y, name, 2, channels, 3, stride);
    } else {
      y = nth(y, name, 1, channels, 3, stride);
    }
    const TensorId short_way = short_way_of(x, name, out, stride);
    return bottleneck_ ? nth(y, name, 3, out, 1, 1, short_way)
                       : nth(y, name, 2, out, 3, 1, short_way);
  }

  TensorId group(TensorId x, const std::string& name, int blocks, int64_t channels,
                 int64_t stride) const {
    for (int i = 0; i < blocks; ++i) {
      x = block(x, concat(name, ".", i), channels, i == 0 ? stride : 1);
    }
    return x;
  }

 private:
  TensorId short_way_of(TensorId x, const std::string& name, int64_t out, int64_t stride) const {
    if (stride == 1 && tape_.shape(x).c == out) return x;
    if (shortcut_ == Shortcut::subsample) return tape_.shortcut(x, stride, out);
    return conv(x, name + ".downsample.0", name + ".downsample.1", out, 1, stride,
                Activation::none);
  }

  Tape& tape_;
  bool bottleneck_;
  Shortcut shortcut_;
  double epsilon_;
};

void classify(Tape& tape, TensorId x, const std::string& head, int64_t classes) {
  tape.cross_entropy(tape.linear(tape.mean_pool(x), head, classes));
}

}  // namespace

Network build_resnet(const std::string& name, const ResNetSpec& spec,
                     const NetworkOptions& options) {
  Network network{name, options, Tape(options.batch_norm)};
  Tape& tape = network.tape;
  const Builder builder(network, spec.bottleneck, Shortcut::convolution);
  TensorId x = tape.image(options.image_size, options.normalization);
  x = builder.conv(x, "conv1", "bn1", 64, 7, 2, Activation::relu);
  x = tape.max_pool(x, 3, 2);
  int64_t channels = 64;
  for (size_t g = 0; g < spec.blocks.size(); ++g, channels *= 2) {
    x = builder.group(x, concat("layer", g + 1), spec.blocks[g], channels, g == 0 ? 1 : 2);
  }
  classify(tape, x, "fc", options.classes);
  return network;
}

Network build_cifar_resnet(const std::string& name, int blocks_per_group,
                           const NetworkOptions& options) {
  Network network{name, options, Tape(options.batch_norm)};
  Tape& tape = network.tape;
  const Builder builder(network, /*bottleneck=*/false, Shortcut::subsample);
  TensorId x = tape.image(options.image_size, options.normalization);
  x = builder.conv(x, "conv1", "bn1", 16, 3, 1, Activation::relu);
  x = builder.group(x, "layer1", blocks_per_group, 16, 1);
  x = builder.group(x, "layer2", blocks_per_group, 32, 2);
  x = builder.group(x, "layer3", blocks_per_group, 64, 2);
  classify(tape, x, "linear", options.classes);
  return network;
}

}  // namespace trady::models
