// Methods that fill the budget with channels drawn uniformly from their pool (selection/fill.h).
#pragma once

#include "selection/fill.h"
#include "selection/strategy.h"

namespace trady {

class RandomFill : public Strategy {
 public:
  /// Draws from `context.pool`, once if `context.info.changes_every_epoch` is false. The numbers
  /// of an epoch's draw depend on (seed, epoch) alone; methods that select once use epoch 0's.
  RandomFill(StrategyContext context, uint64_t seed);

  UpdatePlan plan(int epoch) const override;
  DrawBounds bounds() const override;

 private:
  UnitPool units_;
  uint64_t seed_;
};

/// The factory of all of them; the budget is known to be given and to hold a unit.
std::unique_ptr<Strategy> make_random_fill(StrategyContext context, const StrategyOptions& options);

}  // namespace trady
