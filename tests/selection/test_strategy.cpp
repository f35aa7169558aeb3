#include <catch2/catch.hpp>

#include <set>
#include <string>

#include "selection/strategy.h"
#include "tests/selection/networks.h"
#include "tests/selection/temporary_file.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

StrategyOptions options_for(const std::string& method) {
  StrategyOptions options;
  options.network = "mbv2-w0.35";
  options.convs = convs_of(mbv2(), 128);
  for (const StrategyInfo& info : strategy_infos()) {
    if (info.name != method) continue;
    if (info.budgeted) options.budget_elements = 27946;
    if (info.needs_last_k) options.last_k = 6;
  }
  return options;
}

}  // namespace

TEST_CASE("every registered method can be made and says what it is") {
  std::set<std::string> names;
  for (const StrategyInfo& info : strategy_infos()) {
    INFO(info.name);
    CHECK(names.insert(info.name).second);
    CHECK(!info.description.empty());
    const auto strategy = make_strategy(info.name, options_for(info.name));
    CHECK(strategy->info().name == info.name);
    const UpdatePlan plan = strategy->plan(0);
    CHECK(plan.convs.size() == 51);
    CHECK((strategy->plan(1) == plan) == !info.changes_every_epoch);
    const ElementCost stored = CostModel(options_for(info.name).convs).plan(plan);
    const DrawBounds bounds = strategy->bounds();
    CHECK(bounds.max_channels.size() == 51);
    CHECK(stored.weights <= bounds.max_weight_elements);
    CHECK(stored.activations <= bounds.max_activation_elements);
    if (info.budgeted) CHECK(strategy->budget_used(plan) <= 27946);
  }
  CHECK(names == std::set<std::string>{"full", "head", "last-k", "su", "velocity", "s-det-rgn",
                                       "d-det-rgn", "d-det-raw", "s-full-random", "d-full-random",
                                       "s-topk-random", "trady"});
}

TEST_CASE("d-topk-random is another name of trady") {
  const StrategyOptions options = options_for("trady");
  const auto strategy = make_strategy("d-topk-random", options);
  CHECK(strategy->info().name == "trady");
  CHECK(strategy->plan(3) == make_strategy("trady", options)->plan(3));
}

TEST_CASE("full trains everything") {
  const auto full = make_strategy("full", options_for("full"));
  for (const LayerUpdate& update : full->plan(7).convs) CHECK(update == LayerUpdate::whole(true));
  const DrawBounds bounds = full->bounds();
  CHECK(bounds.shallowest_conv == 0);
  CHECK(bounds.max_weight_elements == 238688);
  CHECK(bounds.max_weight_elements + bounds.max_activation_elements == 1200352);
  CHECK(bounds.max_layer_weight_elements == 336 * 112);
}

TEST_CASE("head trains no conv") {
  const auto head = make_strategy("head", options_for("head"));
  CHECK(head->plan(0) == UpdatePlan::head_only(51));
  CHECK(head->bounds().shallowest_conv == 51);
  CHECK(head->bounds().max_weight_elements == 0);
  CHECK(head->bounds().max_activation_elements == 0);
}

TEST_CASE("last-k trains the weights of the last K convs") {
  StrategyOptions options = options_for("last-k");
  options.last_k = 2;
  const auto last = make_strategy("last-k", options);
  const UpdatePlan plan = last->plan(0);
  CHECK(plan.convs[48] == LayerUpdate::frozen());
  CHECK(plan.convs[49] == LayerUpdate::whole(false));
  CHECK(plan.convs[50] == LayerUpdate::whole(false));
  const DrawBounds bounds = last->bounds();
  CHECK(bounds.shallowest_conv == 49);
  CHECK(bounds.max_weight_elements == 336 * 9 + 336 * 112);
  CHECK(bounds.max_activation_elements == 2 * 336 * 16);
  options.last_k = 51;
  CHECK(make_strategy("last-k", options)->bounds().shallowest_conv == 0);
  for (const int wrong : {0, -1, 52}) {
    options.last_k = wrong;
    CHECK_THROWS_WITH(make_strategy("last-k", options), Contains("--last") && Contains("1 to 51"));
  }
}

TEST_CASE("S- methods select once, D- methods again every epoch") {
  for (const std::string method : {"s-full-random", "s-topk-random"}) {
    const auto strategy = make_strategy(method, options_for(method));
    for (int epoch = 1; epoch < 50; ++epoch) CHECK(strategy->plan(epoch) == strategy->plan(0));
  }
  for (const std::string method : {"d-full-random", "trady"}) {
    const auto strategy = make_strategy(method, options_for(method));
    for (int epoch = 1; epoch < 50; ++epoch) {
      CHECK_FALSE(strategy->plan(epoch) == strategy->plan(epoch - 1));
    }
    CHECK_THROWS_WITH(strategy->plan(-1), Contains("epoch"));
  }
}

TEST_CASE("S- methods keep what the D- method of the same pool draws first") {
  CHECK(make_strategy("s-topk-random", options_for("s-topk-random"))->plan(9) ==
        make_strategy("trady", options_for("trady"))->plan(0));
}

TEST_CASE("draws depend on seed and epoch alone") {
  StrategyOptions options = options_for("trady");
  options.seed = 11;
  const auto first = make_strategy("trady", options);
  const auto second = make_strategy("trady", options);
  for (int epoch = 30; epoch >= 0; --epoch) CHECK(first->plan(epoch) == second->plan(epoch));
  options.seed = 12;
  CHECK_FALSE(make_strategy("trady", options)->plan(5) == first->plan(5));
}

TEST_CASE("trady's pool is the published one, and options change it") {
  StrategyOptions options = options_for("trady");
  const auto standard = make_strategy("trady", options);
  CHECK(standard->pool().convs.size() == 34);
  CHECK(standard->bounds().shallowest_conv == 13);
  options.pool = parse_pool("1");
  const UpdatePlan plan = make_strategy("trady", options)->plan(0);
  for (int conv = 0; conv < 51; ++conv) CHECK(plan.convs[conv].updates_weight() == (conv == 43));
  options.pool = parse_pool("all");
  CHECK(make_strategy("trady", options)->plan(4) ==
        make_strategy("d-full-random", options_for("d-full-random"))->plan(4));
}

TEST_CASE("unknown methods are answered with a suggestion") {
  const StrategyOptions options = options_for("head");
  CHECK_THROWS_WITH(make_strategy("tardy", options),
                    Contains("\"tardy\", did you mean \"trady\"?"));
  CHECK_THROWS_WITH(make_strategy("D_TopK_Random", options),
                    Contains("did you mean \"d-topk-random\"?"));
  CHECK_THROWS_WITH(make_strategy("", options), Contains("; there are full, head"));
  CHECK_THROWS_WITH(make_strategy("zzzzzzzz", options), !Contains("did you mean"));
}

TEST_CASE("options that a method lacks or would ignore are errors") {
  StrategyOptions options = options_for("head");
  for (const std::string method : {"trady", "s-full-random", "d-full-random", "s-topk-random"}) {
    CHECK_THROWS_WITH(make_strategy(method, options), Contains(method) && Contains("--budget"));
  }
  CHECK_THROWS_WITH(make_strategy("last-k", options), Contains("--last"));
  options.budget_elements = 27946;
  CHECK_THROWS_WITH(make_strategy("full", options), Contains("not budgeted"));
  options.pool = parse_pool("35");
  CHECK_THROWS_WITH(make_strategy("d-full-random", options), Contains("--pool"));
  options.last_k = 3;
  CHECK_THROWS_WITH(make_strategy("trady", options), Contains("--last"));
}

TEST_CASE("a budget below the pool's cheapest unit is an error, whatever other convs cost") {
  const TemporaryFile stem_only(R"({"network": "mbv2-w0.35", "image_size": 128, "conv_count": 51,
    "k": 1, "source": "test", "command": "", "descending_rgn": [0], "cumulative_percent": [100]})");
  StrategyOptions options = options_for("trady");
  options.pool = parse_pool(stem_only.path());
  options.budget_elements = 16 * 9 + 128 * 128;
  CHECK_NOTHROW(make_strategy("trady", options));
  --*options.budget_elements;
  CHECK_THROWS_WITH(make_strategy("trady", options), Contains("costs 16528") && Contains("conv 0"));
}

TEST_CASE("a model without a ranking cannot be pooled") {
  StrategyOptions options = options_for("trady");
  options.network = "resnet-18";
  CHECK_THROWS_WITH(make_strategy("trady", options),
                    Contains("resnet-18") && Contains("trady rank") && Contains("--pool FILE"));
  CHECK_NOTHROW(make_strategy("d-full-random", [&] {
    StrategyOptions unpooled = options_for("d-full-random");
    unpooled.network = "resnet-18";
    return unpooled;
  }()));
}
