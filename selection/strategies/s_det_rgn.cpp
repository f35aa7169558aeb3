// S-DetRGN: the pool's channels of the highest relative gradient norm, chosen once at the start.
#include "selection/strategies/entry.h"
#include "selection/strategies/gradient_fill.h"

namespace trady {

StrategyEntry s_det_rgn_entry() {
  return {{.name = "s-det-rgn",
           .description =
               "fills the budget once with the channels of the highest relative gradient norm",
           .budgeted = true,
           .uses_pool = true,
           .looks_at = Look::gradients},
          make_gradient_fill<GradientScore::relative>};
}

}  // namespace trady
