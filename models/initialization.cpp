#include "models/initialization.h"

#include <cmath>
#include <vector>

#include "engine/batch_norm.h"
#include "engine/random.h"

namespace trady::models {

namespace {

void fill_normal(Parameters& parameters, ParameterId id, uint64_t seed, double deviation) {
  RandomStream random(seed, RandomPurpose::initialization, 0, static_cast<uint32_t>(id));
  std::vector<double> values(static_cast<size_t>(parameters.specs()[id].elements));
  for (double& value : values) value = deviation * random.normal();
  parameters.set(id, values);
}

}  // namespace

void initialize_head(const Network& network, Parameters& parameters, uint64_t seed) {
  constexpr double kDeviation = 0.01;
  const std::string& head = network.tape.head();
  fill_normal(parameters, parameters.find(head + ".weight"), seed, kDeviation);
  parameters.fill(parameters.find(head + ".bias"), 0);
}

void initialize_from_scratch(const Network& network, Parameters& parameters, uint64_t seed,
                             double residual_scale) {
  for (size_t i = 0; i < network.tape.parameters().size(); ++i) {
    if (!network.tape.parameters()[i].is_conv_weight) {
      parameters.fill(static_cast<ParameterId>(i), 0);
    }
  }
  const bool scales_residual = network.tape.batch_norms().empty();
  for (const ConvLayer& conv : network.tape.convs()) {
    const int64_t fan_in = conv.shape.taps() * (conv.shape.depthwise ? 1 : conv.shape.in_c);
    const double he = std::sqrt((conv.has_activation ? 2.0 : 1.0) / static_cast<double>(fan_in));
    fill_normal(parameters, parameters.find(conv.name + ".weight"), seed,
                scales_residual && conv.adds_residual ? he * residual_scale : he);
  }
  for (const BatchNormLayer& layer : network.tape.batch_norms()) {
    parameters.fill(layer.gamma, 1);
    parameters.fill(layer.running_variance, 1);
  }
  initialize_head(network, parameters, seed);
  merge_batch_norms(network.tape, parameters);
}

}  // namespace trady::models
