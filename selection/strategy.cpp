#include "selection/strategy.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/suggest.h"
#include "selection/budget.h"
#include "selection/plan_text.h"
#include "selection/strategies/entry.h"

namespace trady {
namespace {

/// The registry: one line a method.
std::vector<StrategyEntry> entries() {
  return {
      full_entry(),          head_entry(),          last_k_entry(),        su_entry(),
      velocity_entry(),      s_det_rgn_entry(),     d_det_rgn_entry(),     d_det_raw_entry(),
      s_full_random_entry(), d_full_random_entry(), s_topk_random_entry(), trady_entry(),
  };
}

StrategyEntry find_entry(const std::string& name) {
  std::vector<std::string> names;
  for (StrategyEntry& entry : entries()) {
    if (name == entry.info.name || (!name.empty() && name == entry.info.alias)) return entry;
    names.push_back(entry.info.name);
    if (!entry.info.alias.empty()) names.push_back(entry.info.alias);
  }
  fail("[--method] unknown method \"", name, "\"", suggestion(name, names), "; there are ",
       join(names));
}

void require_matching_options(const StrategyInfo& info, const StrategyOptions& options) {
  if (info.budgeted && !options.budget_elements && !info.takes_scheme) {
    fail("[--method ", info.name, "] needs a budget, for example --budget 27946 or --budget 2%");
  }
  if (!info.budgeted && options.budget_elements) {
    fail("[--method ", info.name, "] is not budgeted; leave --budget out");
  }
  if (!info.takes_scheme && options.scheme) {
    fail("[--method ", info.name, "] does not know --scheme; did you mean --method su?");
  }
  if (options.scheme && options.budget_elements) {
    fail("[--method ", info.name, "] --scheme and --budget exclude each other; leave one out");
  }
  if (!info.uses_pool && options.pool) {
    fail("[--method ", info.name, "] does not select from a pool; leave --pool out");
  }
  if (info.needs_last_k && !options.last_k) {
    fail("[--method ", info.name,
         "] needs the number of last convs to train, for example --last 6");
  }
  if (!info.needs_last_k && options.last_k) {
    fail("[--method ", info.name, "] does not know --last; did you mean --method last-k?");
  }
}

}  // namespace

Strategy::Strategy(StrategyContext context)
    : info_(std::move(context.info)),
      costs_(std::move(context.costs)),
      pool_(std::move(context.pool)),
      budget_elements_(context.budget_elements) {}

int64_t Strategy::budget_used(const UpdatePlan& plan) const {
  const ElementCost cost = costs_.plan(plan);
  return info_.weight_budget ? cost.weights : cost.total();
}

bool Strategy::keeps_its_choice() const {
  return info_.looks_at != Look::nothing && !info_.changes_every_epoch;
}

UpdatePlan Strategy::choose(int epoch, SelectionProbe& probe) {
  if (info_.looks_at == Look::nothing) return plan(epoch);
  if (!keeps_its_choice()) return look_and_choose(epoch, probe);
  if (!kept_) kept_ = look_and_choose(epoch, probe);
  return *kept_;
}

UpdatePlan Strategy::look_and_choose(int epoch, SelectionProbe&) const {
  return plan(epoch);
}

std::string Strategy::state() const {
  return kept_ ? plan_to_text(*kept_) : std::string();
}

void Strategy::restore(const std::string& state, const std::string& origin) {
  if (keeps_its_choice()) {
    kept_ = plan_from_text(state, costs_.convs(), origin);
  } else if (!state.empty()) {
    fail(origin, ": holds a selection, which --method ", info_.name, " does not keep");
  }
}

std::unique_ptr<Strategy> make_strategy(const std::string& name, const StrategyOptions& options) {
  const StrategyEntry entry = find_entry(name);
  require_matching_options(entry.info, options);
  CostModel costs(options.convs, options.depthwise_cost);
  Pool pool{costs.all_convs(), 100, "all convs"};
  if (entry.info.uses_pool) {
    pool = resolve_pool(options.pool.value_or(PoolSpec{}), options.network, costs.conv_count());
  }
  if (entry.info.budgeted && !entry.info.weight_budget) {
    require_unit_fits(*options.budget_elements, costs, pool.convs);
  }
  return entry.make({entry.info, std::move(costs), std::move(pool), options.budget_elements},
                    options);
}

StrategyInfo strategy_info(const std::string& name) {
  return find_entry(name).info;
}

std::vector<StrategyInfo> strategy_infos() {
  std::vector<StrategyInfo> infos;
  for (StrategyEntry& entry : entries()) infos.push_back(std::move(entry.info));
  return infos;
}

}  // namespace trady
