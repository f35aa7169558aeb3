#include "bench/cuda/layers.h"

#include <algorithm>
#include <cmath>

#include "models/registry.h"

namespace trady::bench {
namespace {

using kernels::Activation;
using kernels::ConvShape;

void add(std::vector<Layer>& layers, int conv, const std::string& name, const ConvShape& shape,
         Activation activation) {
  for (Layer& layer : layers) {
    if (layer.shape != shape || layer.activation != activation) continue;
    layer.convs.push_back(conv);
    return;
  }
  layers.push_back({name, {conv}, shape, activation});
}

/// K. He et al., "Deep Residual Learning for Image Recognition", table 1, with the stride in the
/// 3x3 convolution as common implementations have it.
std::vector<Layer> resnet50_layers(int64_t image_size, int64_t batch) {
  std::vector<Layer> layers;
  int conv = 0;
  int64_t size = image_size, in_c = 64;
  const auto next = [&](const std::string& name, int64_t in, int64_t out, int64_t kernel,
                        int64_t stride, Activation activation) {
    const ConvShape shape{batch, size, size, in, out, kernel, stride, (kernel - 1) / 2, false};
    add(layers, conv++, name, shape, activation);
    return shape.out_h();
  };
  size = next("conv1", 3, 64, 7, 2, Activation::relu);
  size = (size + 1) / 2;  // max pooling
  constexpr int kBlocks[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const int64_t middle = int64_t{64} << stage;
    for (int block = 0; block < kBlocks[stage]; ++block) {
      const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(block);
      if (block == 0) {
        next(name + ".shortcut", in_c, 4 * middle, 1, stride, Activation::none);
      }
      next(name + ".conv1", in_c, middle, 1, 1, Activation::relu);
      size = next(name + ".conv2", middle, middle, 3, stride, Activation::relu);
      next(name + ".conv3", middle, 4 * middle, 1, 1, Activation::none);
      in_c = 4 * middle;
    }
  }
  return layers;
}

}  // namespace

std::vector<Layer> layers_of(const std::string& network, int64_t image_size, int64_t batch) {
  if (network == "resnet-50") return resnet50_layers(image_size == 0 ? 224 : image_size, batch);
  NetworkOptions options;
  if (image_size != 0) options.image_size = image_size;
  std::vector<Layer> layers;
  const Network built = models::build(network, options);
  for (const ConvLayer& conv : built.tape.convs()) {
    ConvShape shape = conv.shape;
    shape.batch = batch;
    const bool linear = conv.name.ends_with(".project");  // docs/method.md section 7
    add(layers, conv.index, conv.name, shape, linear ? Activation::none : Activation::relu6);
  }
  return layers;
}

nlohmann::json json_of(const kernels::ConvShape& shape) {
  return {{"batch", shape.batch},   {"in_h", shape.in_h},       {"in_w", shape.in_w},
          {"in_c", shape.in_c},     {"out_c", shape.out_c},     {"kernel", shape.kernel},
          {"stride", shape.stride}, {"padding", shape.padding}, {"depthwise", shape.depthwise}};
}

nlohmann::json json_of(const Layer& layer) {
  return {{"name", layer.name}, {"convs", layer.convs}, {"shape", json_of(layer.shape)}};
}

int64_t channels_left(int64_t channels, double sparsity) {
  return std::max<int64_t>(1, std::llround((1 - sparsity) * static_cast<double>(channels)));
}

std::vector<int32_t> spread_channels(int64_t channels, int64_t count) {
  std::vector<int32_t> list;
  for (int64_t j = 0; j < count; ++j) {
    list.push_back(static_cast<int32_t>((2 * j + 1) * channels / (2 * count)));
  }
  return list;
}

}  // namespace trady::bench
