// su: one of SU's static schemes (selection/su_schemes.h). Of every layer that the scheme lists,
// the int(C r) input channels whose pretrained weights have the largest L2 norm; and the biases of
// the last convs. Chosen once, before anything is trained.
#include <cmath>
#include <utility>

#include "selection/ranked_fill.h"
#include "selection/strategies/entry.h"
#include "selection/strategies/fixed_plan.h"
#include "selection/su_schemes.h"

namespace trady {
namespace {

/// ||W[:, c]|| of every input channel, depthwise ||W[c]||, from [C'][C][D][D].
std::vector<double> channel_norms(const std::vector<double>& weight,
                                  const kernels::ConvShape& shape) {
  std::vector<double> squares(static_cast<size_t>(shape.in_c), 0.0);
  const auto taps = static_cast<size_t>(shape.taps());
  for (size_t i = 0; i < weight.size(); ++i) {
    squares[i / taps % squares.size()] += weight[i] * weight[i];
  }
  for (double& square : squares) square = std::sqrt(square);
  return squares;
}

class Su final : public FixedPlan {
 public:
  Su(StrategyContext context, UpdatePlan of_any_channels)
      : FixedPlan(std::move(context), std::move(of_any_channels)) {}

 private:
  UpdatePlan look_and_choose(int epoch, SelectionProbe& probe) const override {
    UpdatePlan chosen = plan(epoch);
    for (const ConvLayer& conv : costs().convs()) {
      LayerUpdate& update = chosen.convs[static_cast<size_t>(conv.index)];
      if (!update.updates_weight()) continue;
      const std::vector<double> norms = channel_norms(probe.weight(conv.index), conv.shape);
      std::vector<RankedUnit> channels;
      for (size_t c = 0; c < norms.size(); ++c) {
        channels.push_back({conv.index, static_cast<int32_t>(c), norms[c], /*elements=*/1});
      }
      const UpdatePlan largest =
          fill_by_rank(std::move(channels), std::ssize(update.channels),
                       LayerUpdate::Kind::input_channels, chosen.convs.size());
      update.channels = largest.convs[static_cast<size_t>(conv.index)].channels;
    }
    return chosen;
  }
};

std::unique_ptr<Strategy> make_su(StrategyContext context, const StrategyOptions& options) {
  UpdatePlan plan =
      su_plan_of_any_channels(su_scheme(options.network, options.scheme), context.costs);
  return std::make_unique<Su>(std::move(context), std::move(plan));
}

}  // namespace

StrategyEntry su_entry() {
  return {{.name = "su",
           .description = "updates the channels of a static scheme of SU, chosen by their weights",
           .takes_scheme = true,
           .looks_at = Look::weights},
          make_su};
}

}  // namespace trady
