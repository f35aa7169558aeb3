#include "selection/draw_bounds.h"

#include <algorithm>

namespace trady {
namespace {

/// Channels of one conv that fit when nothing else is selected.
int64_t channels_within(const CostModel& costs, int conv, int64_t budget_elements) {
  return std::min(costs.convs().at(conv).shape.in_c, budget_elements / costs.unit(conv).total());
}

int64_t real_unit_weights(const CostModel& costs, int conv) {
  return costs.convs().at(conv).shape.weights_per_input_channel();
}

enum class Part { weights, activations };

/// The most that one part of a draw can reach within the budget.
int64_t largest(Part part, const CostModel& costs, std::span<const int> pool,
                int64_t budget_elements) {
  struct Layer {
    int64_t value, cost, channels;
  };
  std::vector<Layer> layers;
  for (const int conv : pool) {
    const ElementCost unit = costs.unit(conv);
    if (unit.total() > budget_elements) continue;
    const int64_t value = part == Part::weights ? real_unit_weights(costs, conv) : unit.activations;
    layers.push_back({value, unit.total(), costs.convs()[conv].shape.in_c});
  }
  // Most value per budgeted element first; compared by cross products, which are exact.
  std::ranges::sort(layers, [](const Layer& left, const Layer& right) {
    return left.value * right.cost > right.value * left.cost;
  });
  int64_t sum = 0;
  for (const Layer& layer : layers) {
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
  bounds.max_weight_elements = largest(Part::weights, costs, pool, budget_elements);
  bounds.max_activation_elements = largest(Part::activations, costs, pool, budget_elements);
  return bounds;
}

}  // namespace trady
