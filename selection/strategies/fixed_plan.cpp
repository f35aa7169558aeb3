#include "selection/strategies/fixed_plan.h"

#include <algorithm>
#include <utility>

namespace trady {

FixedPlan::FixedPlan(StrategyContext context, UpdatePlan plan)
    : Strategy(std::move(context)), plan_(std::move(plan)), real_costs_(costs().convs()) {}

DrawBounds FixedPlan::bounds() const {
  const ElementCost cost = real_costs_.plan(plan_);
  DrawBounds bounds;
  bounds.shallowest_conv = real_costs_.conv_count();
  bounds.max_weight_elements = cost.weights;
  bounds.max_activation_elements = cost.activations;
  for (int conv = real_costs_.conv_count() - 1; conv >= 0; --conv) {
    const LayerUpdate& update = plan_.convs[conv];
    if (update.updates_anything()) bounds.shallowest_conv = conv;
    bounds.max_layer_weight_elements =
        std::max(bounds.max_layer_weight_elements, real_costs_.layer(conv, update).weights);
  }
  for (const ConvLayer& conv : real_costs_.convs()) {
    // Channels whose input is kept: from the activation part, which holds for every kind of update.
    const int64_t kept = real_costs_.layer(conv.index, plan_.convs[conv.index]).activations /
                         conv.shape.in_positions();
    bounds.max_channels.push_back(kept);
  }
  return bounds;
}

}  // namespace trady
