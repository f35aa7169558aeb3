// Methods whose plan is known from the start and never changes.
#pragma once

#include "selection/strategy.h"

namespace trady {

class FixedPlan : public Strategy {
 public:
  /// `plan` has one entry a conv.
  FixedPlan(StrategyContext context, UpdatePlan plan);

  UpdatePlan plan(int) const override { return plan_; }
  /// Exact.
  DrawBounds bounds() const override;

 private:
  UpdatePlan plan_;
};

}  // namespace trady
