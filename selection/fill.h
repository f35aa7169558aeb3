// The filling rule (docs/method.md section 2): permute all units of a pool uniformly, over channels
// and not layers, accumulate theta_c, and stop at the first unit that would exceed the budget. That
// unit is left out and none is skipped. The memory of a draw therefore never exceeds the budget.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/random.h"
#include "engine/update_plan.h"
#include "selection/cost_model.h"

namespace trady {

/// The channels that draws are made from. Immutable, so draws may run on any thread.
class UnitPool {
 public:
  /// All input channels of `convs` (ascending indices, not empty).
  UnitPool(const CostModel& costs, const std::vector<int>& convs);

  int64_t unit_count() const { return static_cast<int64_t>(layer_of_unit_.size()); }

  /// One draw. May select nothing when the first unit drawn costs more than the budget.
  UpdatePlan draw(int64_t budget_elements, RandomStream& random) const;

 private:
  struct Layer {
    int conv = 0;
    uint32_t first_unit = 0;
    int64_t unit_elements = 0;
  };
  size_t conv_count_;
  std::vector<Layer> layers_;
  std::vector<uint32_t> layer_of_unit_;  // units are numbered layer after layer
};

}  // namespace trady
