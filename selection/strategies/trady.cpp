// TraDy = D-TopKRandom: channels of the pool, drawn again before every epoch.
#include "selection/strategies/entry.h"
#include "selection/strategies/random_fill.h"

namespace trady {

StrategyEntry trady_entry() {
  return {
      {.name = "trady",
       .alias = "d-topk-random",
       .description = "fills the budget before every epoch with random channels of the top-K pool",
       .budgeted = true,
       .uses_pool = true,
       .changes_every_epoch = true},
      make_random_fill};
}

}  // namespace trady
