// The largest draw that a method can make: what memory is sized for before anything is drawn.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "selection/cost_model.h"

namespace trady {

/// Upper bounds over all draws within a budget, each on its own (one draw seldom reaches two of
/// them). Elements are real ones: depthwise weights count D^2 whatever the budget counts.
struct DrawBounds {
  int shallowest_conv = 0;                ///< first conv that may be updated; conv count if none
  int64_t max_weight_elements = 0;        ///< packed dW of a plan
  int64_t max_activation_elements = 0;    ///< saved input slices of a plan, per sample
  int64_t max_layer_weight_elements = 0;  ///< packed dW of one layer (exact)
  std::vector<int64_t> max_channels;      ///< of each conv (exact)
  /// Whether max_channels are output channels: a conv with a selected one keeps its whole input.
  bool by_output = false;
};

/// Every set of units that fits can come out of the filling rule, so the bounds are those of a
/// knapsack. Its fractional solution is used: safe, and above the exact one by less than one unit.
DrawBounds draw_bounds(const CostModel& costs, std::span<const int> pool, int64_t budget_elements);

/// The same of output channels, chosen among those of all convs within a budget of weights.
DrawBounds neuron_bounds(const CostModel& costs, int64_t budget_weights);

/// Of one plan: exact.
DrawBounds plan_bounds(const CostModel& costs, const UpdatePlan& plan);

}  // namespace trady
