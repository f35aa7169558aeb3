#include "selection/draw_bounds.h"

#include <algorithm>
#include <utility>

namespace trady {
namespace {

/// Channels of one conv that fit when nothing else is selected.
int64_t channels_within(const CostModel& costs, int conv, int64_t budget_elements) {
  return std::min(costs.convs().at(conv).shape.in_c, budget_elements / costs.unit(conv).total());
}

int64_t real_unit_weights(const CostModel& costs, int conv) {
  return costs.convs().at(conv).shape.weights_per_input_channel();
}

/// Channels of one conv that are alike.
struct Alike {
  int64_t value, cost, channels;
};

/// The most value that fits in a budget: the fractional knapsack.
int64_t largest(std::vector<Alike> layers, int64_t budget_elements) {
  std::erase_if(layers, [&](const Alike& layer) { return layer.cost > budget_elements; });
  // Most value per budgeted element first; compared by cross products, which are exact.
  std::ranges::sort(layers, [](const Alike& left, const Alike& right) {
    return left.value * right.cost > right.value * left.cost;
  });
  int64_t sum = 0;
  for (const Alike& layer : layers) {
    const int64_t whole = std::min(layer.channels, budget_elements / layer.cost);
    sum += whole * layer.value;
    budget_elements -= whole * layer.cost;
    if (whole < layer.channels) {
      return sum + layer.value * budget_elements / layer.cost;  // a fraction of the next channel
    }
  }
  return sum;
}

}  // namespace

DrawBounds draw_bounds(const CostModel& costs, std::span<const int> pool, int64_t budget_elements) {
  DrawBounds bounds;
  bounds.shallowest_conv = costs.conv_count();
  bounds.max_channels.assign(costs.convs().size(), 0);
  for (const int conv : pool) {
    const int64_t channels = channels_within(costs, conv, budget_elements);
    if (channels == 0) continue;
    bounds.max_channels[conv] = channels;
    bounds.shallowest_conv = std::min(bounds.shallowest_conv, conv);
    bounds.max_layer_weight_elements =
        std::max(bounds.max_layer_weight_elements, channels * real_unit_weights(costs, conv));
  }
  std::vector<Alike> weights, activations;
  for (const int conv : pool) {
    const ElementCost unit = costs.unit(conv);
    const int64_t channels = costs.convs().at(conv).shape.in_c;
    weights.push_back({real_unit_weights(costs, conv), unit.total(), channels});
    activations.push_back({unit.activations, unit.total(), channels});
  }
  bounds.max_weight_elements = largest(std::move(weights), budget_elements);
  bounds.max_activation_elements = largest(std::move(activations), budget_elements);
  return bounds;
}

DrawBounds neuron_bounds(const CostModel& costs, int64_t budget_weights) {
  DrawBounds bounds;
  bounds.by_output = true;
  bounds.shallowest_conv = costs.conv_count();
  std::vector<Alike> weights;
  for (const ConvLayer& conv : costs.convs()) {
    const kernels::ConvShape& shape = conv.shape;
    const int64_t cost = costs.neuron_weights(conv.index);
    const int64_t real = shape.weight_elements() / shape.out_c;
    const int64_t channels = std::min(shape.out_c, budget_weights / cost);
    bounds.max_channels.push_back(channels);
    if (channels == 0) continue;
    bounds.shallowest_conv = std::min(bounds.shallowest_conv, conv.index);
    bounds.max_layer_weight_elements = std::max(bounds.max_layer_weight_elements, channels * real);
    bounds.max_activation_elements += shape.in_elements();
    weights.push_back({real, cost, shape.out_c});
  }
  bounds.max_weight_elements = largest(std::move(weights), budget_weights);
  return bounds;
}

DrawBounds plan_bounds(const CostModel& costs, const UpdatePlan& plan) {
  const CostModel real(costs.convs());  // depthwise D^2, whatever the budget counts
  const ElementCost cost = real.plan(plan);
  DrawBounds bounds;
  bounds.shallowest_conv = real.conv_count();
  bounds.max_weight_elements = cost.weights;
  bounds.max_activation_elements = cost.activations;
  for (int conv = real.conv_count() - 1; conv >= 0; --conv) {
    const LayerUpdate& update = plan.convs[static_cast<size_t>(conv)];
    if (update.updates_anything()) bounds.shallowest_conv = conv;
    bounds.max_layer_weight_elements =
        std::max(bounds.max_layer_weight_elements, real.layer(conv, update).weights);
  }
  for (const ConvLayer& conv : real.convs()) {
    // Channels whose input is kept: from the activation part, which holds for every kind of update.
    const LayerUpdate& update = plan.convs[static_cast<size_t>(conv.index)];
    bounds.max_channels.push_back(real.layer(conv.index, update).activations /
                                  conv.shape.in_positions());
  }
  return bounds;
}

}  // namespace trady
