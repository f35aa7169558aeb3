// D-FullRandom: channels of all convs, drawn again before every epoch.
#include "selection/strategies/entry.h"
#include "selection/strategies/random_fill.h"

namespace trady {

StrategyEntry d_full_random_entry() {
  return {{.name = "d-full-random",
           .description = "fills the budget before every epoch with random channels of all convs",
           .budgeted = true,
           .changes_every_epoch = true},
          make_random_fill};
}

}  // namespace trady
