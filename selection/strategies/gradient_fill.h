// The Det methods: the pool's channels in descending order of what the gradient over the training
// set says of them, until the budget (docs/methods.md). Oracles: they see the whole gradient of the
// pool, which is more than the memory budget allows while they select.
#pragma once

#include "selection/fill.h"
#include "selection/strategy.h"

namespace trady {

/// What channels are ranked by.
enum class GradientScore {
  relative,  ///< RGN_c = n_c / theta_c
  raw,       ///< n_c
};

class GradientFill final : public Strategy {
 public:
  GradientFill(StrategyContext context, GradientScore score, uint64_t seed);

  /// A random draw of the pool, as TraDy's: the gradient is not known.
  UpdatePlan plan(int epoch) const override;
  DrawBounds bounds() const override;

 private:
  UpdatePlan look_and_choose(int epoch, SelectionProbe& probe) const override;

  GradientScore score_;
  UnitPool units_;
  uint64_t seed_;
};

}  // namespace trady
