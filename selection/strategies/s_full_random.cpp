// S-FullRandom: channels of all convs, drawn once at the start (stands for PaCA).
#include "selection/strategies/entry.h"
#include "selection/strategies/random_fill.h"

namespace trady {

StrategyEntry s_full_random_entry() {
  return {{.name = "s-full-random",
           .description = "fills the budget once with random channels of all convs",
           .budgeted = true},
          make_random_fill};
}

}  // namespace trady
