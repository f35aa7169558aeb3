// velocity: the output channels (neurons) whose outputs change their pace the most, within a budget
// of weights (docs/methods.md). A. Quélennec et al., "Towards On-device Learning on the Edge: Ways
// to Select Neurons to Update under a Budget Constraint", WACV workshops 2024.
//
//   phi^t  similarity of a neuron's outputs before and after epoch t; 1 before the first
//   v^t = (phi^t - phi^{t-1}) - mu v^{t-1},  mu = 0.5,  v^0 = 0
//
// An epoch updates the neurons of the highest |v| / weights, the first epoch random ones.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "engine/random.h"
#include "selection/ranked_fill.h"
#include "selection/strategies/entry.h"
#include "selection/su_schemes.h"

namespace trady {
namespace {

constexpr double kMu = 0.5;

/// One value a neuron, by conv and output channel.
using PerNeuron = std::vector<std::vector<double>>;

class Velocity final : public Strategy {
 public:
  Velocity(StrategyContext context, uint64_t seed)
      : Strategy(std::move(context)),
        seed_(seed),
        phi_(filled_with(1.0)),
        velocity_(filled_with(0.0)) {}

  UpdatePlan plan(int epoch) const override;
  DrawBounds bounds() const override { return neuron_bounds(costs(), *budget_elements()); }
  void end_epoch(SelectionProbe& probe) override;
  std::string state() const override;
  void restore(const std::string& state, const std::string& origin) override;

 private:
  UpdatePlan look_and_choose(int epoch, SelectionProbe& probe) const override;
  PerNeuron filled_with(double value) const;
  bool has_one_value_a_neuron(const PerNeuron& values) const;
  UpdatePlan fill(const PerNeuron& scores) const;

  uint64_t seed_;
  PerNeuron phi_, velocity_;
};

PerNeuron Velocity::filled_with(double value) const {
  PerNeuron values;
  for (const ConvLayer& conv : costs().convs()) {
    values.emplace_back(static_cast<size_t>(conv.shape.out_c), value);
  }
  return values;
}

bool Velocity::has_one_value_a_neuron(const PerNeuron& values) const {
  if (values.size() != phi_.size()) return false;
  for (size_t conv = 0; conv < values.size(); ++conv) {
    if (values[conv].size() != phi_[conv].size()) return false;
  }
  return true;
}

UpdatePlan Velocity::fill(const PerNeuron& scores) const {
  std::vector<RankedUnit> neurons;
  for (const ConvLayer& conv : costs().convs()) {
    const std::vector<double>& of_conv = scores[static_cast<size_t>(conv.index)];
    for (size_t o = 0; o < of_conv.size(); ++o) {
      neurons.push_back(
          {conv.index, static_cast<int32_t>(o), of_conv[o], costs().neuron_weights(conv.index)});
    }
  }
  return fill_by_rank(std::move(neurons), *budget_elements(), LayerUpdate::Kind::output_channels,
                      scores.size());
}

UpdatePlan Velocity::plan(int epoch) const {
  RandomStream random(seed_, RandomPurpose::selection, static_cast<uint32_t>(epoch));
  PerNeuron scores = phi_;
  for (std::vector<double>& of_conv : scores) {
    for (double& score : of_conv) score = random.uniform();
  }
  return fill(scores);
}

UpdatePlan Velocity::look_and_choose(int epoch, SelectionProbe&) const {
  if (epoch == 0) return plan(epoch);
  PerNeuron scores = velocity_;
  for (const ConvLayer& conv : costs().convs()) {
    const auto weights = static_cast<double>(costs().neuron_weights(conv.index));
    for (double& score : scores[static_cast<size_t>(conv.index)]) {
      score = std::abs(score) / weights;
    }
  }
  return fill(scores);
}

void Velocity::end_epoch(SelectionProbe& probe) {
  PerNeuron phi = probe.output_similarity();
  if (!has_one_value_a_neuron(phi)) fail("[velocity] expected a similarity of every neuron");
  for (size_t conv = 0; conv < phi.size(); ++conv) {
    for (size_t o = 0; o < phi[conv].size(); ++o) {
      velocity_[conv][o] = phi[conv][o] - phi_[conv][o] - kMu * velocity_[conv][o];
    }
  }
  phi_ = std::move(phi);
}

std::string Velocity::state() const {
  return nlohmann::json{{"phi", phi_}, {"velocity", velocity_}}.dump();
}

void Velocity::restore(const std::string& state, const std::string& origin) {
  try {
    const auto json = nlohmann::json::parse(state);
    auto phi = json.at("phi").get<PerNeuron>();
    auto velocity = json.at("velocity").get<PerNeuron>();
    if (!has_one_value_a_neuron(phi) || !has_one_value_a_neuron(velocity)) {
      fail("it is not of this network's neurons");
    }
    phi_ = std::move(phi);
    velocity_ = std::move(velocity);
  } catch (const std::exception& error) {
    fail(origin, ": the state of --method velocity cannot be read: ", error.what());
  }
}

std::unique_ptr<Strategy> make_velocity(StrategyContext context, const StrategyOptions& options) {
  const CostModel& costs = context.costs;
  if (!context.budget_elements) {
    const bool has_schemes =
        std::ranges::find(su_schemes(), options.network, &SuScheme::network) != su_schemes().end();
    if (!has_schemes) {
      fail("[--method velocity] needs a budget of weights for ", options.network,
           ", for which SU has no schemes: for example --budget 20000");
    }
    const SuScheme& scheme = su_scheme(options.network, options.scheme);
    context.budget_elements = costs.plan(su_plan_of_any_channels(scheme, costs)).weights;
  }
  int cheapest = 0;
  for (int conv = 1; conv < costs.conv_count(); ++conv) {
    if (costs.neuron_weights(conv) < costs.neuron_weights(cheapest)) cheapest = conv;
  }
  if (*context.budget_elements < costs.neuron_weights(cheapest)) {
    fail("[--budget] ", *context.budget_elements, " weights hold no neuron: the cheapest one has ",
         costs.neuron_weights(cheapest), " (conv ", cheapest, ", ",
         costs.convs()[static_cast<size_t>(cheapest)].name,
         "); raise the budget or use --method head");
  }
  return std::make_unique<Velocity>(std::move(context), options.seed);
}

}  // namespace

StrategyEntry velocity_entry() {
  return {{.name = "velocity",
           .description = "updates the neurons whose outputs change their pace the most",
           .budgeted = true,
           .weight_budget = true,
           .changes_every_epoch = true,
           .takes_scheme = true,
           .looks_at = Look::outputs},
          make_velocity};
}

}  // namespace trady
