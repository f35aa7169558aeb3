// SU's schemes against the independent count of their costs, the published figures, and a choice of
// channels worked by hand.
#include <catch2/catch.hpp>

#include <random>
#include <set>

#include "engine/error.h"
#include "selection/strategy.h"
#include "selection/su_schemes.h"
#include "tests/selection/counted_schemes.h"
#include "tests/selection/fake_probe.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

std::string model_of(const std::string& network) {
  if (network == "mbv2") return "mbv2-w0.35";
  return network == "mcunet" ? "mcunet-5fps" : "proxyless-w0.3";
}

std::vector<ConvLayer> convs_of_model(const std::string& model) {
  if (model == "mbv2-w0.35") return convs_of(mbv2(), 128);
  return convs_of(model == "mcunet-5fps" ? mcunet() : proxyless(), 128);
}

std::unique_ptr<Strategy> su(const std::string& model, const std::string& scheme,
                             DepthwiseCost depthwise = DepthwiseCost::kernel_area) {
  StrategyOptions options;
  options.network = model;
  options.convs = convs_of_model(model);
  options.scheme = scheme;
  options.depthwise_cost = depthwise;
  return make_strategy("su", options);
}

/// Random weights of every conv.
FakeProbe random_probe(const std::vector<ConvLayer>& convs) {
  FakeProbe probe;
  std::mt19937 numbers(1);  // NOLINT: the same every time
  for (const ConvLayer& conv : convs) {
    std::vector<double>& weight = probe.weights[conv.index];
    weight.resize(static_cast<size_t>(conv.shape.weight_elements()));
    for (double& w : weight) w = static_cast<double>(numbers() % 1000);
  }
  return probe;
}

/// Squared norm of the slice of input channel `c`.
double slice_square(const ConvLayer& conv, const std::vector<double>& weight, int64_t c) {
  const int64_t taps = conv.shape.taps();
  const int64_t fan_in = conv.shape.depthwise ? 1 : conv.shape.in_c;
  double sum = 0;
  for (int64_t o = 0; o < conv.shape.out_c; ++o) {
    if (conv.shape.depthwise && o != c) continue;
    for (int64_t tap = 0; tap < taps; ++tap) {
      const double w =
          weight[static_cast<size_t>((o * fan_in + (conv.shape.depthwise ? 0 : c)) * taps + tap)];
      sum += w * w;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("all fifteen schemes cost what an independent count says, whatever the weights") {
  REQUIRE(su_schemes().size() == 15);
  REQUIRE(counted_schemes().size() == 15);
  for (const CountedScheme& counted : counted_schemes()) {
    INFO(counted.network << " " << counted.label);
    const std::string model = model_of(counted.network);
    FakeProbe probe = random_probe(convs_of_model(model));
    const auto real = su(model, counted.label);
    const auto paper = su(model, counted.label, DepthwiseCost::one);
    const UpdatePlan chosen = real->choose(0, probe);
    CHECK(real->costs().plan(chosen) == counted.cost);
    CHECK(real->costs().plan(real->plan(0)) == counted.cost);
    CHECK(paper->costs().plan(chosen) ==
          ElementCost{counted.weights_with_depthwise_one, counted.cost.activations});
    const DrawBounds bounds = paper->bounds();
    CHECK(bounds.max_weight_elements == counted.cost.weights);
    CHECK(bounds.max_activation_elements == counted.cost.activations);
  }
}

TEST_CASE("SU's published sparsities and saved multiply-adds follow exactly") {
  const auto strategy = su("mbv2-w0.35", "49kB", DepthwiseCost::one);
  FakeProbe probe = random_probe(convs_of(mbv2(), 128));
  const UpdatePlan plan = strategy->choose(0, probe);
  const ElementCost cost = strategy->costs().plan(plan);
  const CostModel with_mix(convs_of(mbv2(true), 128));  // the paper's float network
  const auto saved = [](int64_t part, int64_t whole) {
    return 100 * (1 - static_cast<double>(part) / static_cast<double>(whole));
  };
  CHECK(saved(cost.weights, with_mix.network().weights) == Approx(92.36).margin(0.005));
  CHECK(saved(cost.activations, with_mix.network().activations) == Approx(99.39).margin(0.005));
  const ComputeCost inputs = ComputeCost::input_positions;
  CHECK(saved(strategy->costs().plan_multiply_adds(plan, inputs),
              with_mix.network_multiply_adds(inputs)) == Approx(96.16).margin(0.005));
}

TEST_CASE("SU takes the channels with the largest weights, the lower of equal ones") {
  const std::vector<ConvLayer> convs = convs_of(mbv2(), 128);
  FakeProbe probe = random_probe(convs);
  const auto strategy = su("mbv2-w0.35", "49kB");
  const UpdatePlan plan = strategy->choose(0, probe);
  for (const int conv : {41, 42, 49}) {  // pointwise and depthwise
    INFO(conv);
    const LayerUpdate& update = plan.convs[static_cast<size_t>(conv)];
    const ConvLayer& layer = convs[static_cast<size_t>(conv)];
    REQUIRE(std::ssize(update.channels) == layer.shape.in_c / (conv == 41 ? 4 : 8));
    double least_taken = 1e300, most_left = 0;
    for (int32_t c = 0; c < layer.shape.in_c; ++c) {
      const double square = slice_square(layer, probe.weights[conv], c);
      const bool taken = std::ranges::binary_search(update.channels, c);
      if (taken) least_taken = std::min(least_taken, square);
      if (!taken) most_left = std::max(most_left, square);
    }
    CHECK(least_taken >= most_left);
  }
  for (auto& [conv, weight] : probe.weights) std::ranges::fill(weight, 1.0);
  const UpdatePlan among_equals = su("mbv2-w0.35", "49kB")->choose(0, probe);
  for (const LayerUpdate& update : among_equals.convs) {
    for (size_t i = 0; i < update.channels.size(); ++i) {
      CHECK(update.channels[i] == static_cast<int32_t>(i));
    }
  }
  probe.weights[49][9 * 100] = 2;       // depthwise channel 100
  probe.weights[42][56 * 3 + 50] = -2;  // output 3, input 50
  const UpdatePlan moved = su("mbv2-w0.35", "49kB")->choose(0, probe);
  CHECK(moved.convs[49].channels.back() == 100);
  CHECK(moved.convs[42].channels == std::vector<int32_t>{0, 1, 2, 3, 4, 5, 50});
}

TEST_CASE("without a look no two layers that are updated in part have the same list") {
  for (const SuScheme& scheme : su_schemes()) {
    INFO(scheme.network << " " << scheme.name);
    const auto strategy = su(scheme.network, scheme.name);
    std::set<std::vector<int32_t>> lists;
    for (const ConvLayer& conv : strategy->costs().convs()) {
      const LayerUpdate update = strategy->plan(0).convs[static_cast<size_t>(conv.index)];
      const bool in_part = update.updates_weight() && std::ssize(update.channels) < conv.shape.in_c;
      if (in_part) CHECK(lists.insert(update.channels).second);
    }
  }
}

TEST_CASE("SU trains the biases of the last convs, whether their weights are updated or not") {
  for (const SuScheme& scheme : su_schemes()) {
    INFO(scheme.network << " " << scheme.name);
    const auto strategy = su(scheme.network, scheme.name);
    const UpdatePlan plan = strategy->plan(0);
    const int convs = strategy->costs().conv_count();
    for (int conv = 0; conv < convs; ++conv) {
      const LayerUpdate& update = plan.convs[static_cast<size_t>(conv)];
      const bool in_reach = conv >= convs - scheme.bias_convs;
      CHECK(update.train_bias == in_reach);
      if (in_reach) CHECK(update.updates_anything());
    }
    CHECK(strategy->bounds().shallowest_conv <= convs - scheme.bias_convs);
  }
  const UpdatePlan smallest = su("mbv2-w0.35", "49kB")->plan(0);
  CHECK(smallest.convs[34] == LayerUpdate::frozen());
  CHECK(smallest.convs[35] == LayerUpdate::bias_only());
  CHECK(smallest.convs[36].updates_weight());
  CHECK(smallest.convs[40] == LayerUpdate::bias_only());  // 40:0
}

TEST_CASE("SU keeps what it chose first, and a resumed run gets it back") {
  FakeProbe probe = random_probe(convs_of(mbv2(), 128));
  const auto strategy = su("mbv2-w0.35", "49kB");
  CHECK(strategy->state().empty());
  const UpdatePlan first = strategy->choose(0, probe);
  FakeProbe trained = random_probe(convs_of(mbv2(), 128));
  for (auto& [conv, weight] : trained.weights) std::ranges::reverse(weight);
  CHECK(strategy->choose(1, trained) == first);
  CHECK(trained.looks == 0);
  const auto resumed = su("mbv2-w0.35", "49kB");
  resumed->restore(strategy->state(), "run");
  CHECK(resumed->choose(2, trained) == first);
  CHECK_FALSE(su("mbv2-w0.35", "49kB")->choose(2, trained) == first);
  CHECK_THROWS_WITH(su("mbv2-w0.35", "49kB")->restore("[{}]", "run"), Contains("run"));
}

TEST_CASE("SU's scheme is checked") {
  CHECK(su_scheme("mcunet-5fps", std::nullopt).name == "49kB");
  CHECK_THROWS_WITH(su("mbv2-w0.35", "98kB"),
                    Contains("\"98kB\"") && Contains("99kB") && Contains("--scheme"));
  CHECK_THROWS_WITH(su_scheme("resnet-18", std::nullopt),
                    Contains("resnet-18") && Contains("mbv2-w0.35, mcunet-5fps, proxyless-w0.3"));
  StrategyOptions options;
  options.network = "mbv2-w0.35";
  options.convs = convs_of(mbv2(), 128);
  options.budget_elements = 27946;
  CHECK_THROWS_WITH(make_strategy("su", options), Contains("not budgeted"));
  options.scheme = "49kB";
  CHECK_THROWS_WITH(make_strategy("trady", options), Contains("does not know --scheme"));
}
