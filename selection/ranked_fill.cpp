#include "selection/ranked_fill.h"

#include <algorithm>
#include <functional>

namespace trady {

UpdatePlan fill_by_rank(std::vector<RankedUnit> units, int64_t budget_elements,
                        LayerUpdate::Kind kind, size_t conv_count) {
  std::ranges::stable_sort(units, std::greater<>(), &RankedUnit::score);
  UpdatePlan plan = UpdatePlan::head_only(conv_count);
  int64_t left = budget_elements;
  for (const RankedUnit& unit : units) {
    if (unit.elements > left) break;
    left -= unit.elements;
    LayerUpdate& update = plan.convs.at(static_cast<size_t>(unit.conv));
    update.kind = kind;
    update.channels.push_back(unit.channel);
  }
  for (LayerUpdate& update : plan.convs) std::ranges::sort(update.channels);
  return plan;
}

}  // namespace trady
