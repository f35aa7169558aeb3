// S-TopKRandom: channels of the pool, drawn once at the start.
#include "selection/strategies/entry.h"
#include "selection/strategies/random_fill.h"

namespace trady {

StrategyEntry s_topk_random_entry() {
  return {{.name = "s-topk-random",
           .description = "fills the budget once with random channels of the top-K pool",
           .budgeted = true,
           .uses_pool = true},
          make_random_fill};
}

}  // namespace trady
