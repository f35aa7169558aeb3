#include "selection/step_demand.h"

#include <algorithm>
#include <numeric>

namespace trady {

namespace {

/// Plan and activations of draws of input channels.
void reach_inputs(const DrawBounds& bounds, StepDemand& demand) {
  // Backward reaches as deep as in any draw, and nothing is saved.
  if (bounds.shallowest_conv < static_cast<int>(demand.plan.convs.size())) {
    demand.plan.convs[static_cast<size_t>(bounds.shallowest_conv)] = LayerUpdate::gradient_only();
  }
  demand.activation_elements = bounds.max_activation_elements;
}

/// The same of output channels.
void reach_outputs(const CostModel& costs, const DrawBounds& bounds, StepDemand& demand) {
  demand.kind = kernels::SliceKind::output_channels;
  for (const ConvLayer& conv : costs.convs()) {
    const auto index = static_cast<size_t>(conv.index);
    if (bounds.max_channels[index] == 0) continue;
    // One channel keeps the whole input; depthwise, where it keeps only its own, all do.
    std::vector<int32_t> channels(conv.shape.depthwise ? static_cast<size_t>(conv.shape.out_c) : 1);
    std::iota(channels.begin(), channels.end(), 0);
    demand.plan.convs[index] = LayerUpdate::outputs(std::move(channels));
    if (conv.shape.depthwise) {
      // While part of an input is packed, that input is there too: once, for one conv at a time.
      demand.activation_elements = std::max(demand.activation_elements, conv.shape.in_elements());
    }
  }
}

}  // namespace

StepDemand demand_within(const CostModel& costs, const DrawBounds& bounds) {
  StepDemand demand;
  demand.plan = UpdatePlan::head_only(costs.convs().size());
  if (bounds.by_output) {
    reach_outputs(costs, bounds, demand);
  } else {
    reach_inputs(bounds, demand);
  }
  demand.weight_elements = bounds.max_weight_elements;
  demand.layer_weight_elements = bounds.max_layer_weight_elements;
  demand.max_channels = bounds.max_channels;
  return demand;
}

StepDemand demand_of(const Strategy& strategy) {
  if (strategy.info().budgeted) return demand_within(strategy.costs(), strategy.bounds());
  StepDemand demand;
  demand.plan = strategy.plan(0);
  return demand;
}

}  // namespace trady
