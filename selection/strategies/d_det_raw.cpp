// D-DetRaw: the pool's channels of the highest gradient norm, before every epoch.
#include "selection/strategies/entry.h"
#include "selection/strategies/gradient_fill.h"

namespace trady {

StrategyEntry d_det_raw_entry() {
  return {{.name = "d-det-raw",
           .description =
               "fills the budget before every epoch with the channels of the highest gradient norm",
           .budgeted = true,
           .uses_pool = true,
           .changes_every_epoch = true,
           .looks_at = Look::gradients},
          make_gradient_fill<GradientScore::raw>};
}

}  // namespace trady
