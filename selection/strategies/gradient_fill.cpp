#include "selection/strategies/gradient_fill.h"

#include <utility>

#include "selection/ranked_fill.h"

namespace trady {

GradientFill::GradientFill(StrategyContext context, GradientScore score, uint64_t seed)
    : RandomFill(std::move(context), seed), score_(score) {}

UpdatePlan GradientFill::look_and_choose(int, SelectionProbe& probe) const {
  const std::vector<std::vector<double>> norms = probe.gradient_norms(pool().convs);
  std::vector<RankedUnit> channels;
  for (const int conv : pool().convs) {
    const int64_t theta = costs().unit(conv).total();
    const std::vector<double>& of_conv = norms.at(static_cast<size_t>(conv));
    for (size_t c = 0; c < of_conv.size(); ++c) {
      const double rgn = of_conv[c] / static_cast<double>(theta);
      channels.push_back({conv, static_cast<int32_t>(c),
                          score_ == GradientScore::relative ? rgn : of_conv[c], theta});
    }
  }
  return fill_by_rank(std::move(channels), budget_elements().value(),
                      LayerUpdate::Kind::input_channels, costs().convs().size());
}

}  // namespace trady
