// head: the classifier alone.
#include <utility>

#include "selection/strategies/entry.h"
#include "selection/strategies/fixed_plan.h"

namespace trady {

StrategyEntry head_entry() {
  return {{.name = "head", .description = "trains the classifier alone"},
          [](StrategyContext context, const StrategyOptions& options) -> std::unique_ptr<Strategy> {
            UpdatePlan plan = UpdatePlan::head_only(options.convs.size());
            return std::make_unique<FixedPlan>(std::move(context), std::move(plan));
          }};
}

}  // namespace trady
