// full: every conv weight (the paper's "Baseline"), and by default the conv biases.
#include <utility>

#include "selection/strategies/entry.h"
#include "selection/strategies/fixed_plan.h"

namespace trady {

StrategyEntry full_entry() {
  return {{.name = "full", .description = "trains every weight of the network"},
          [](StrategyContext context, const StrategyOptions& options) -> std::unique_ptr<Strategy> {
            UpdatePlan plan;
            plan.convs.assign(options.convs.size(), LayerUpdate::whole(options.train_bias));
            return std::make_unique<FixedPlan>(std::move(context), std::move(plan));
          }};
}

}  // namespace trady
