// Velocity, worked by hand.
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "selection/strategy.h"
#include "selection/su_schemes.h"
#include "tests/selection/fake_probe.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

/// Neurons and their weights: conv 0 has 2 of 3, conv 1 (depthwise 3x3) 2 of 9 or 1, conv 2 has 4
/// of
/// 2. Total 32.
StrategyOptions by_hand(int64_t budget) {
  StrategyOptions options;
  options.network = "by hand";
  options.convs = {hand_made_conv(0, {.in_h = 4, .in_w = 4, .in_c = 3, .out_c = 2}),
                   hand_made_conv(1, {.in_h = 4,
                                      .in_w = 4,
                                      .in_c = 2,
                                      .out_c = 2,
                                      .kernel = 3,
                                      .padding = 1,
                                      .depthwise = true}),
                   hand_made_conv(2, {.in_h = 4, .in_w = 4, .in_c = 2, .out_c = 4})};
  options.budget_elements = budget;
  return options;
}

UpdatePlan plan_of(std::vector<std::vector<int32_t>> outputs) {
  UpdatePlan plan = UpdatePlan::head_only(outputs.size());
  for (size_t conv = 0; conv < outputs.size(); ++conv) {
    if (!outputs[conv].empty()) plan.convs[conv] = LayerUpdate::outputs(outputs[conv]);
  }
  return plan;
}

/// v = phi - 1; |v| / weights: conv 0 has .1 and 0, conv 1 .09 and 0, conv 2 .05, .2, 0 and 0.
FakeProbe after_first_epoch() {
  FakeProbe probe;
  probe.similarity = {{0.7, 1}, {0.19, 1}, {0.9, 0.6, 1, 1}};
  return probe;
}

UpdatePlan second_choice(const StrategyOptions& options) {
  FakeProbe probe = after_first_epoch();
  const auto velocity = make_strategy("velocity", options);
  velocity->choose(0, probe);
  velocity->end_epoch(probe);
  return velocity->choose(1, probe);
}

}  // namespace

TEST_CASE("velocity takes the neurons of the highest |v| per weight within a budget of weights") {
  CHECK(second_choice(by_hand(2)) == plan_of({{}, {}, {1}}));
  CHECK(second_choice(by_hand(4)) == plan_of({{}, {}, {1}}));
  CHECK(second_choice(by_hand(5)) == plan_of({{0}, {}, {1}}));
  CHECK(second_choice(by_hand(13)) == plan_of({{0}, {}, {1}}));  // one short; the next is not tried
  CHECK(second_choice(by_hand(14)) == plan_of({{0}, {0}, {1}}));
  CHECK(second_choice(by_hand(16)) == plan_of({{0}, {0}, {0, 1}}));
  CHECK(second_choice(by_hand(31)) == plan_of({{0, 1}, {0, 1}, {0, 1, 2}}));  // ties: the lower
  CHECK(second_choice(by_hand(32)) == plan_of({{0, 1}, {0, 1}, {0, 1, 2, 3}}));
  CHECK_THROWS_WITH(make_strategy("velocity", by_hand(1)), Contains("hold no neuron"));
}

TEST_CASE("velocity ranks depthwise neurons by the weights that the budget counts") {
  StrategyOptions options = by_hand(1);
  options.depthwise_cost = DepthwiseCost::one;
  CHECK(second_choice(options) == plan_of({{}, {0}, {}}));  // .81 / 1 is the highest now
  options.budget_elements = 6;
  CHECK(second_choice(options) == plan_of({{0}, {0}, {1}}));
}

TEST_CASE("velocity follows v = dphi - v / 2 over epochs") {
  FakeProbe probe = after_first_epoch();
  const auto velocity = make_strategy("velocity", by_hand(12));
  velocity->choose(0, probe);
  velocity->end_epoch(probe);
  // dphi: conv 0 {0, 0}, conv 1 {.81, 0}, conv 2 {0, -.2, 0, 0}; v: {.15, 0}, {1.215, 0},
  // {.05, 0, 0, 0}; per weight .05, .135, .025.
  probe.similarity = {{0.7, 1}, {1, 1}, {0.9, 0.4, 1, 1}};
  velocity->end_epoch(probe);
  CHECK(velocity->choose(2, probe) == plan_of({{0}, {0}, {}}));
  // dphi 0 everywhere: v halves and changes its sign, and the order stays.
  velocity->end_epoch(probe);
  CHECK(velocity->choose(3, probe) == plan_of({{0}, {0}, {}}));
  // conv 2 neuron 3 moves by .4: .2 per weight is the highest, then conv 1's .03375 x 9 / 9.
  probe.similarity[2][3] = 0.6;
  velocity->end_epoch(probe);
  CHECK(velocity->choose(4, probe) == plan_of({{}, {0}, {3}}));
}

TEST_CASE("velocity's state survives a resume to the bit") {
  FakeProbe probe = after_first_epoch();
  probe.similarity[0][0] = 1.0 / 3;
  const auto whole = make_strategy("velocity", by_hand(14));
  const auto resumed = make_strategy("velocity", by_hand(14));
  whole->choose(0, probe);
  whole->end_epoch(probe);
  resumed->restore(whole->state(), "run");
  CHECK(resumed->state() == whole->state());
  CHECK(resumed->choose(1, probe) == whole->choose(1, probe));
  probe.similarity[2][2] = 0.1;
  for (const auto& strategy : {whole.get(), resumed.get()}) strategy->end_epoch(probe);
  CHECK(resumed->state() == whole->state());
  CHECK(resumed->choose(2, probe) == whole->choose(2, probe));
  for (
      const std::string damaged :
      {"", "[]", "{}", R"({"phi": [[1]], "velocity": [[0]]})",
       R"({"phi": [["a", 1], [1, 1], [1, 1, 1, 1]], "velocity": [[0, 0], [0, 0], [0, 0, 0, 0]]})"}) {
    CHECK_THROWS_WITH(resumed->restore(damaged, "run"), Contains("run"));
  }
}

TEST_CASE("velocity's first epoch is random") {
  FakeProbe probe;
  StrategyOptions options = by_hand(11);
  const UpdatePlan first = make_strategy("velocity", options)->choose(0, probe);
  CHECK(first == make_strategy("velocity", options)->choose(0, probe));
  CHECK(probe.looks == 0);
  int others = 0;
  for (options.seed = 1; options.seed < 20; ++options.seed) {
    const auto velocity = make_strategy("velocity", options);
    const UpdatePlan plan = velocity->choose(0, probe);
    CHECK(velocity->budget_used(plan) == velocity->costs().plan(plan).weights);
    CHECK(velocity->budget_used(plan) <= 11);
    if (!(plan == first)) ++others;
  }
  CHECK(others > 10);
}

TEST_CASE("velocity's budgets are the weights of SU's schemes") {
  struct Published {
    std::string network, scheme;
    int64_t weights;
  };
  for (const Published& expected : std::vector<Published>{{"mbv2-w0.35", "49kB", 22074},
                                                          {"mbv2-w0.35", "99kB", 55920},
                                                          {"mbv2-w0.35", "138kB", 81792},
                                                          {"mcunet-5fps", "49kB", 12096},
                                                          {"mcunet-5fps", "99kB", 52480},
                                                          {"mcunet-5fps", "148kB", 98560},
                                                          {"proxyless-w0.3", "49kB", 20736},
                                                          {"proxyless-w0.3", "98kB", 62976},
                                                          {"proxyless-w0.3", "148kB", 89088}}) {
    INFO(expected.network << " " << expected.scheme);
    StrategyOptions options;
    options.network = expected.network;
    options.convs = convs_of(expected.network == "mbv2-w0.35"    ? mbv2()
                             : expected.network == "mcunet-5fps" ? mcunet()
                                                                 : proxyless(),
                             128);
    options.scheme = expected.scheme;
    options.depthwise_cost = DepthwiseCost::one;
    CHECK(make_strategy("velocity", options)->budget_elements() == expected.weights);
    options.depthwise_cost = DepthwiseCost::kernel_area;
    const bool has_depthwise = expected.weights == 22074;
    options.scheme = expected.scheme == "49kB" ? std::nullopt : options.scheme;
    CHECK(make_strategy("velocity", options)->budget_elements() ==
          (has_depthwise ? 22410 : expected.weights));
  }
  StrategyOptions unknown = by_hand(11);
  unknown.budget_elements.reset();
  CHECK_THROWS_WITH(make_strategy("velocity", unknown), Contains("budget of weights"));
  unknown.scheme = "49kB";
  unknown.budget_elements = 11;
  CHECK_THROWS_WITH(make_strategy("velocity", unknown), Contains("exclude each other"));
}

TEST_CASE("velocity's bounds hold for whatever is selected") {
  StrategyOptions options = by_hand(14);
  const DrawBounds bounds = make_strategy("velocity", options)->bounds();
  CHECK(bounds.by_output);
  CHECK(bounds.max_channels == std::vector<int64_t>{2, 1, 4});
  CHECK(bounds.max_weight_elements == 14);
  CHECK(bounds.max_layer_weight_elements == 9);
  CHECK(bounds.max_activation_elements == (3 + 2 + 2) * 16);
  options.depthwise_cost = DepthwiseCost::one;  // both depthwise neurons for 2, and 12 others
  CHECK(make_strategy("velocity", options)->bounds().max_weight_elements == 18 + 12);
}
