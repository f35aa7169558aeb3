// last-k: all weights of the last K convs, without their biases. Not budgeted.
#include <utility>

#include "engine/error.h"
#include "selection/strategies/entry.h"
#include "selection/strategies/fixed_plan.h"

namespace trady {
namespace {

std::unique_ptr<Strategy> make_last_k(StrategyContext context, const StrategyOptions& options) {
  const int conv_count = context.costs.conv_count();
  const int k = options.last_k.value();
  if (k < 1 || k > conv_count) {
    fail("[--last] ", k, " is out of range: ", options.network, " has ", conv_count,
         " convs; give 1 to ", conv_count, ", or use --method head or --method full");
  }
  UpdatePlan plan = UpdatePlan::head_only(options.convs.size());
  for (int conv = conv_count - k; conv < conv_count; ++conv) {
    plan.convs[conv] = LayerUpdate::whole(/*with_bias=*/false);
  }
  return std::make_unique<FixedPlan>(std::move(context), std::move(plan));
}

}  // namespace

StrategyEntry last_k_entry() {
  return {{.name = "last-k",
           .description = "trains all weights of the last K convs and the classifier",
           .needs_last_k = true},
          make_last_k};
}

}  // namespace trady
