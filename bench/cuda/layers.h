// The convolutions that the layer benches measure: those of the project's networks, and of
// ResNet-50 as it is published, which shows wider layers. Layers of the same shape are measured
// once.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/types.h"

namespace trady::bench {

struct Layer {
  std::string name;        ///< of the first conv with this shape
  std::vector<int> convs;  ///< all of them, by index
  kernels::ConvShape shape;
  kernels::Activation activation = kernels::Activation::none;
};

/// In the order of the network. `image_size` 0: 128, ResNet-50 224. Error for an unknown name.
std::vector<Layer> layers_of(const std::string& network, int64_t image_size, int64_t batch);

/// {"name", "convs", "shape": as kernels/cuda/pass_choice.h has it}
nlohmann::json json_of(const Layer& layer);
nlohmann::json json_of(const kernels::ConvShape& shape);

/// max(1, round((1 - sparsity) * channels))
int64_t channels_left(int64_t channels, double sparsity);
/// `count` channels, evenly spread: neighbours would share sectors of memory.
std::vector<int32_t> spread_channels(int64_t channels, int64_t count);

}  // namespace trady::bench
