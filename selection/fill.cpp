#include "selection/fill.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace trady {

UnitPool::UnitPool(const CostModel& costs, const std::vector<int>& convs)
    : conv_count_(costs.convs().size()) {
  for (const int conv : convs) {
    const auto first_unit = static_cast<uint32_t>(layer_of_unit_.size());
    const auto layer = static_cast<uint32_t>(layers_.size());
    layer_of_unit_.insert(layer_of_unit_.end(), costs.convs().at(conv).shape.in_c, layer);
    layers_.push_back({conv, first_unit, costs.unit(conv).total()});
  }
}

UpdatePlan UnitPool::draw(int64_t budget_elements, RandomStream& random) const {
  // Fisher-Yates from the front, only as far as the budget reaches: a draw costs as many random
  // numbers as it selects units.
  std::vector<uint32_t> units(layer_of_unit_.size());
  std::iota(units.begin(), units.end(), 0);
  UpdatePlan plan = UpdatePlan::head_only(conv_count_);
  int64_t left = budget_elements;
  for (size_t i = 0; i < units.size(); ++i) {
    const size_t chosen = i + random.below(static_cast<uint32_t>(units.size() - i));
    std::swap(units[i], units[chosen]);
    const Layer& layer = layers_[layer_of_unit_[units[i]]];
    if (layer.unit_elements > left) break;
    left -= layer.unit_elements;
    LayerUpdate& update = plan.convs[layer.conv];
    update.kind = LayerUpdate::Kind::input_channels;
    update.channels.push_back(static_cast<int32_t>(units[i] - layer.first_unit));
  }
  for (LayerUpdate& update : plan.convs) std::ranges::sort(update.channels);
  return plan;
}

}  // namespace trady
