#include "selection/strategies/fixed_plan.h"

#include <utility>

namespace trady {

FixedPlan::FixedPlan(StrategyContext context, UpdatePlan plan)
    : Strategy(std::move(context)), plan_(std::move(plan)) {}

DrawBounds FixedPlan::bounds() const {
  return plan_bounds(costs(), plan_);
}

}  // namespace trady
