#include "models/initialization.h"

#include <cmath>
#include <vector>

#include "engine/random.h"

namespace trady::models {

namespace {

void fill_normal(Parameters& parameters, ParameterId id, uint64_t seed, double deviation) {
  RandomStream random(seed, RandomPurpose::initialization, 0, static_cast<uint32_t>(id));
  std::vector<double> values(static_cast<size_t>(parameters.specs()[id].elements));
  for (double& value : values) value = deviation * random.normal();
  parameters.set(id, values);
}

void fill_zero(Parameters& parameters, ParameterId id) {
  parameters.set(id, std::vector<double>(static_cast<size_t>(parameters.specs()[id].elements), 0));
}

}  // namespace

void initialize_head(Parameters& parameters, uint64_t seed) {
  constexpr double kDeviation = 0.01;
  fill_normal(parameters, parameters.find(kHeadWeight), seed, kDeviation);
  fill_zero(parameters, parameters.find(kHeadBias));
}

void initialize_from_scratch(const Network& network, Parameters& parameters, uint64_t seed,
                             double residual_scale) {
  for (size_t i = 0; i < network.tape.parameters().size(); ++i) {
    if (!network.tape.parameters()[i].is_conv_weight) {
      fill_zero(parameters, static_cast<ParameterId>(i));
    }
  }
  for (const ConvLayer& conv : network.tape.convs()) {
    const bool has_relu = !conv.name.ends_with(".project");
    const int64_t fan_in = conv.shape.taps() * (conv.shape.depthwise ? 1 : conv.shape.in_c);
    const double he = std::sqrt((has_relu ? 2.0 : 1.0) / static_cast<double>(fan_in));
    fill_normal(parameters, parameters.find(conv.name + ".weight"), seed,
                conv.adds_residual ? he * residual_scale : he);
  }
  initialize_head(parameters, seed);
}

}  // namespace trady::models
