// The Det methods: the pool's channels in descending order of what the gradient over the training
// set says of them, until the budget (docs/methods.md). Oracles: they see the whole gradient of the
// pool, which is more than the memory budget allows while they select.
#pragma once

#include <memory>
#include <utility>

#include "selection/strategies/random_fill.h"

namespace trady {

/// What channels are ranked by.
enum class GradientScore {
  relative,  ///< RGN_c = n_c / theta_c
  raw,       ///< n_c
};

/// Where the gradient is not known, a random draw of the pool stands in, as TraDy's.
class GradientFill final : public RandomFill {
 public:
  GradientFill(StrategyContext context, GradientScore score, uint64_t seed);

 private:
  UpdatePlan look_and_choose(int epoch, SelectionProbe& probe) const override;

  GradientScore score_;
};

/// The factory of those that rank by `kScore`.
template <GradientScore kScore>
std::unique_ptr<Strategy> make_gradient_fill(StrategyContext context,
                                             const StrategyOptions& options) {
  return std::make_unique<GradientFill>(std::move(context), kScore, options.seed);
}

}  // namespace trady
