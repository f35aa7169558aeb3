// The cost model against the published numbers, an independent count and networks worked by hand.
#include <catch2/catch.hpp>

#include <sstream>
#include <string>
#include <vector>

#include "engine/error.h"
#include "selection/cost_model.h"
#include "tests/selection/counted_schemes.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;

namespace {

struct CountedNetwork {
  std::string name;
  NetworkTable network;
  int image_size;
  ElementCost total;
  int64_t multiply_adds;
  struct Unit {
    int64_t weights, activations, multiply_adds;
  };
  std::vector<Unit> units;
};

std::vector<CountedNetwork> counted_networks() {
  std::istringstream text(
#include "tests/selection/independent_costs.inc"
  );
  std::vector<CountedNetwork> networks;
  CountedNetwork next;
  size_t blocks = 0, convs = 0;
  while (text >> next.name >> next.image_size >> next.network.stem_channels >>
         next.network.mix_channels >> blocks) {
    next.network.blocks.resize(blocks);
    for (Block& block : next.network.blocks) {
      text >> block.in >> block.mid >> block.out >> block.kernel >> block.stride;
    }
    text >> next.total.weights >> next.total.activations >> next.multiply_adds >> convs;
    next.units.resize(convs);
    for (CountedNetwork::Unit& unit : next.units) {
      text >> unit.weights >> unit.activations >> unit.multiply_adds;
    }
    networks.push_back(next);
  }
  REQUIRE(text.eof());
  return networks;
}

std::vector<ConvLayer> convs_by_name(const std::string& name, int image_size = 128) {
  if (name == "mbv2") return convs_of(mbv2(), image_size);
  return convs_of(name == "mcunet" ? mcunet() : proxyless(), image_size);
}

std::vector<int32_t> first_channels(int64_t count) {
  std::vector<int32_t> channels;
  for (int32_t c = 0; c < count; ++c) channels.push_back(c);
  return channels;
}

/// "36:1 41:.25": the first int(C * share) input channels of each conv (which ones does not
/// matter).
UpdatePlan scheme_plan(const std::vector<ConvLayer>& convs, const std::string& channels) {
  UpdatePlan plan = UpdatePlan::head_only(convs.size());
  std::istringstream words(channels);
  int conv = 0;
  char colon = 0;
  for (double share = 0; words >> conv >> colon >> share;) {
    const auto count = static_cast<int64_t>(static_cast<double>(convs[conv].shape.in_c) * share);
    plan.convs[conv] = LayerUpdate::inputs(first_channels(count));
  }
  return plan;
}

/// Two convs at 4 x 4: dense 3x3 stride 2 of 2 -> 5 channels, depthwise 3x3 of 5.
std::vector<ConvLayer> two_convs() {
  return {
      hand_made_conv(
          0, {.in_h = 4, .in_w = 4, .in_c = 2, .out_c = 5, .kernel = 3, .stride = 2, .padding = 1}),
      hand_made_conv(1, {.in_h = 2,
                         .in_w = 2,
                         .in_c = 5,
                         .out_c = 5,
                         .kernel = 3,
                         .padding = 1,
                         .depthwise = true})};
}

}  // namespace

TEST_CASE("network totals are the published ones") {
  const auto total = [](const NetworkTable& network) {
    return CostModel(convs_of(network, 128)).network().total();
  };
  CHECK(total(mbv2(true)) == 1252320);
  CHECK(total(mbv2()) == 1200352);
  CHECK(total(mcunet()) == 1309808);
  CHECK(total(proxyless(true)) == 1162032);
  CHECK(total(proxyless()) == 1123632);

  const CostModel small(convs_of(mbv2(), 128));
  CHECK(small.conv_count() == 51);
  CHECK(small.network().weights == 238688);
  CHECK(small.network_multiply_adds() == Approx(16.65e6).epsilon(0.001));
  const CostModel mcu(convs_of(mcunet(), 128));
  CHECK(mcu.conv_count() == 42);
  CHECK(mcu.network().weights == 463216);
  CHECK(mcu.network_multiply_adds() == Approx(22.45e6).epsilon(0.001));
  const CostModel proxy(convs_of(proxyless(), 128));
  CHECK(proxy.conv_count() == 60);
  CHECK(proxy.network().weights == 320816);
  CHECK(proxy.network_multiply_adds() == Approx(18.62e6).epsilon(0.001));
}

TEST_CASE("totals do not depend on the depthwise option") {
  CHECK(CostModel(convs_of(mbv2(), 128), DepthwiseCost::one).network() ==
        CostModel(convs_of(mbv2(), 128)).network());
}

TEST_CASE("published budgets are the costs of SU's schemes") {
  struct Published {
    std::string network, label;
    int64_t weights, activations;
  };
  const std::vector<Published> published{
      {"mbv2", "49kB", 22074, 5872},        {"mbv2", "99kB", 55920, 10672},
      {"mbv2", "138kB", 81792, 11904},      {"mcunet", "49kB", 12096, 3840},
      {"mcunet", "99kB", 52480, 12352},     {"mcunet", "148kB", 98560, 14080},
      {"proxyless", "49kB", 20736, 5248},   {"proxyless", "98kB", 62976, 9984},
      {"proxyless", "148kB", 89088, 12288},
  };
  int found = 0;
  for (const Published& expected : published) {
    for (const CountedScheme& scheme : counted_schemes()) {
      if (scheme.network != expected.network || scheme.label != expected.label) continue;
      INFO(expected.network << " " << expected.label);
      const CostModel costs(convs_by_name(scheme.network), DepthwiseCost::one);
      const ElementCost cost = costs.plan(scheme_plan(costs.convs(), scheme.channels));
      CHECK(cost == ElementCost{expected.weights, expected.activations});
      ++found;
    }
  }
  CHECK(found == 9);

  const CountedScheme& smallest = counted_schemes().front();  // mbv2 49kB: 42 depthwise channels
  const CostModel costs(convs_by_name("mbv2"));
  CHECK(costs.plan(scheme_plan(costs.convs(), smallest.channels)) == ElementCost{22410, 5872});
}

TEST_CASE("all SU schemes cost what an independent count says") {
  REQUIRE(counted_schemes().size() == 15);
  for (const CountedScheme& scheme : counted_schemes()) {
    INFO(scheme.network << " " << scheme.label);
    const CostModel real(convs_by_name(scheme.network));
    const CostModel paper(convs_by_name(scheme.network), DepthwiseCost::one);
    const UpdatePlan plan = scheme_plan(real.convs(), scheme.channels);
    CHECK(real.plan(plan) == scheme.cost);
    CHECK(paper.plan(plan) ==
          ElementCost{scheme.weights_with_depthwise_one, scheme.cost.activations});
  }
}

TEST_CASE("SU's published share of saved multiply-adds counts input positions") {
  const CostModel costs(convs_by_name("mbv2"));
  const UpdatePlan plan = scheme_plan(costs.convs(), counted_schemes().front().channels);
  const auto done =
      static_cast<double>(costs.plan_multiply_adds(plan, ComputeCost::input_positions));
  const CostModel with_mix(convs_of(mbv2(true), 128));
  const auto dense =
      static_cast<double>(with_mix.network_multiply_adds(ComputeCost::input_positions));
  CHECK(100 * (1 - done / dense) == Approx(96.16).margin(0.005));
}

TEST_CASE("units and totals agree with an independent count at any size and width") {
  REQUIRE(counted_networks().size() >= 20);
  for (const CountedNetwork& counted : counted_networks()) {
    INFO(counted.name);
    const CostModel costs(convs_of(counted.network, counted.image_size));
    CHECK(costs.network() == counted.total);
    CHECK(costs.network_multiply_adds() == counted.multiply_adds);
    REQUIRE(static_cast<size_t>(costs.conv_count()) == counted.units.size());
    for (int conv = 0; conv < costs.conv_count(); ++conv) {
      const CountedNetwork::Unit& unit = counted.units[conv];
      CHECK(costs.unit(conv) == ElementCost{unit.weights, unit.activations});
      CHECK(costs.unit_multiply_adds(conv) == unit.multiply_adds);
    }
  }
}

TEST_CASE("costs of a network worked out by hand") {
  const CostModel costs(two_convs());
  CHECK(costs.unit(0) == ElementCost{45, 16});  // 5 * 9, 4 * 4
  CHECK(costs.unit(1) == ElementCost{9, 4});
  CHECK(CostModel(two_convs(), DepthwiseCost::one).unit(1) == ElementCost{1, 4});
  CHECK(costs.unit_multiply_adds(0) == 45 * 4);
  CHECK(costs.unit_multiply_adds(0, ComputeCost::input_positions) == 45 * 16);
  CHECK(costs.unit_multiply_adds(1) == 9 * 4);
  CHECK(costs.network() == ElementCost{90 + 45, 32 + 20});
  CHECK(costs.network_multiply_adds() == 2 * 180 + 5 * 36);
  const std::vector<int> both{0, 1}, first{0};
  CHECK(costs.cheapest_conv(both) == 1);
  CHECK(costs.cheapest_conv(first) == 0);
}

TEST_CASE("every kind of layer update has its cost") {
  const CostModel costs(two_convs());
  const auto cost = [&](int conv, const LayerUpdate& update) { return costs.layer(conv, update); };
  CHECK(cost(0, LayerUpdate::frozen()) == ElementCost{});
  CHECK(cost(0, LayerUpdate::bias_only()) == ElementCost{});
  CHECK(cost(0, LayerUpdate::inputs({})) == ElementCost{});
  CHECK(cost(0, LayerUpdate::outputs({})) == ElementCost{});
  CHECK(cost(0, LayerUpdate::inputs({1})) == ElementCost{45, 16});
  CHECK(cost(0, LayerUpdate::inputs({0, 1})) == cost(0, LayerUpdate::whole(true)));
  CHECK(cost(0, LayerUpdate::outputs({0, 4})) == ElementCost{2 * 18, 32});  // the whole input
  CHECK(cost(1, LayerUpdate::outputs({0, 4})) == ElementCost{2 * 9, 8});    // its own channels
  CHECK(cost(1, LayerUpdate::whole(false)) == ElementCost{45, 20});
  CHECK(costs.layer_multiply_adds(0, LayerUpdate::outputs({0, 4})) == 2 * 18 * 4);
  CHECK(costs.layer_multiply_adds(0, LayerUpdate::inputs({})) == 0);
  CHECK(costs.layer_multiply_adds(1, LayerUpdate::outputs({3})) == 9 * 4);

  UpdatePlan everything;
  everything.convs = {LayerUpdate::whole(true), LayerUpdate::whole(true)};
  CHECK(costs.plan(everything) == costs.network());
  CHECK(costs.plan_multiply_adds(everything) == costs.network_multiply_adds());
  CHECK(costs.multiply_adds_saved(everything) == 0);
  CHECK(costs.multiply_adds_saved(UpdatePlan::head_only(2)) == 1);
  UpdatePlan second = UpdatePlan::head_only(2);
  second.convs[1] = LayerUpdate::whole(false);
  CHECK(costs.multiply_adds_saved(second) == Approx(360.0 / 540));
  CHECK(costs.multiply_adds_saved(second, ComputeCost::input_positions) == Approx(1440.0 / 1620));
}

TEST_CASE("a cost model refuses lists that are not a network's") {
  CHECK_THROWS_WITH(CostModel({}), Catch::Contains("no convolutions"));
  std::vector<ConvLayer> convs = two_convs();
  convs[1].index = 7;
  CHECK_THROWS_WITH(CostModel(convs), Catch::Contains("forward order"));
  convs = two_convs();
  convs[0].shape.batch = 32;
  CHECK_THROWS_WITH(CostModel(convs), Catch::Contains("batch 32") && Catch::Contains("per sample"));
  const CostModel costs(two_convs());
  CHECK_THROWS_WITH(costs.plan(UpdatePlan::head_only(3)),
                    Catch::Contains("3 convs") && Catch::Contains("has 2"));
  CHECK_THROWS_AS(costs.plan_multiply_adds(UpdatePlan::head_only(1)), Error);
}
