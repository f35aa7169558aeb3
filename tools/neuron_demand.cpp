#include "tools/neuron_demand.h"

#include <algorithm>
#include <numeric>

namespace trady::tools {

StepDemand demand_of_neurons(const CostModel& costs, const DrawBounds& bounds) {
  StepDemand demand;
  demand.kind = kernels::SliceKind::output_channels;
  demand.plan = UpdatePlan::head_only(costs.convs().size());
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
  demand.weight_elements = bounds.max_weight_elements;
  demand.layer_weight_elements = bounds.max_layer_weight_elements;
  demand.max_channels = bounds.max_channels;
  return demand;
}

}  // namespace trady::tools
