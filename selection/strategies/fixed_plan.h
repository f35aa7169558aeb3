// Methods whose plan is known from the start and never changes.
#pragma once

#include "selection/strategy.h"

namespace trady {

class FixedPlan final : public Strategy {
 public:
  /// `plan` has one entry a conv.
  FixedPlan(StrategyContext context, UpdatePlan plan);

  UpdatePlan plan(int) const override { return plan_; }
  /// Exact.
  DrawBounds bounds() const override;

 private:
  UpdatePlan plan_;
  CostModel real_costs_;  // depthwise D^2, whatever the budget counts
};

}  // namespace trady
