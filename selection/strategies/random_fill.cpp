#include "selection/strategies/random_fill.h"

#include <utility>

#include "engine/error.h"

namespace trady {

RandomFill::RandomFill(StrategyContext context, uint64_t seed)
    : Strategy(std::move(context)), units_(costs(), pool().convs), seed_(seed) {}

UpdatePlan RandomFill::plan(int epoch) const {
  if (epoch < 0) fail("[", info().name, "] epochs count from 0, got ", epoch);
  const uint32_t drawn_epoch = info().changes_every_epoch ? static_cast<uint32_t>(epoch) : 0;
  RandomStream random(seed_, RandomPurpose::selection, drawn_epoch);
  return units_.draw(budget_elements().value(), random);
}

DrawBounds RandomFill::bounds() const {
  return draw_bounds(costs(), pool().convs, budget_elements().value());
}

std::unique_ptr<Strategy> make_random_fill(StrategyContext context,
                                           const StrategyOptions& options) {
  return std::make_unique<RandomFill>(std::move(context), options.seed);
}

}  // namespace trady
