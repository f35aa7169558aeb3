// full: every conv weight (the paper's "Baseline"), and every conv bias.
#include <utility>

#include "selection/strategies/entry.h"
#include "selection/strategies/fixed_plan.h"

namespace trady {

StrategyEntry full_entry() {
  return {{.name = "full", .description = "trains every weight of the network"},
          [](StrategyContext context, const StrategyOptions& options) -> std::unique_ptr<Strategy> {
            UpdatePlan plan;
            plan.convs.assign(options.convs.size(), LayerUpdate::whole(/*with_bias=*/true));
            return std::make_unique<FixedPlan>(std::move(context), std::move(plan));
          }};
}

}  // namespace trady
