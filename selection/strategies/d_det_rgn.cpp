// D-DetRGN: the pool's channels of the highest relative gradient norm, before every epoch.
#include "selection/strategies/entry.h"
#include "selection/strategies/gradient_fill.h"

namespace trady {

StrategyEntry d_det_rgn_entry() {
  return {{.name = "d-det-rgn",
           .description = "as s-det-rgn, again before every epoch",
           .budgeted = true,
           .uses_pool = true,
           .changes_every_epoch = true,
           .looks_at = Look::gradients},
          make_gradient_fill<GradientScore::relative>};
}

}  // namespace trady
