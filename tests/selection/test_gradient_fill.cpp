// The Det methods, worked by hand.
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "selection/strategy.h"
#include "tests/selection/fake_probe.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

/// 1x1 convs at 1 x 1: conv 0 has 3 units of 2 + 1 elements, conv 1 has 2 units of 4 + 1. Total 19.
std::unique_ptr<Strategy> method(const std::string& name, int64_t budget, uint64_t seed = 0) {
  StrategyOptions options;
  options.network = "by hand";
  options.convs = {hand_made_conv(0, {.in_c = 3, .out_c = 2}),
                   hand_made_conv(1, {.in_c = 2, .out_c = 4})};
  options.budget_elements = budget;
  options.pool = parse_pool("all");
  options.seed = seed;
  return make_strategy(name, options);
}

/// n / theta: conv 0 has 2, 0.5 and 0.1, conv 1 has 1.8 and 0.4.
FakeProbe probe() {
  FakeProbe probe;
  probe.norms = {{6, 1.5, 0.3}, {9, 2}};
  return probe;
}

UpdatePlan plan_of(std::vector<int32_t> first, std::vector<int32_t> second) {
  UpdatePlan plan = UpdatePlan::head_only(2);
  if (!first.empty()) plan.convs[0] = LayerUpdate::inputs(std::move(first));
  if (!second.empty()) plan.convs[1] = LayerUpdate::inputs(std::move(second));
  return plan;
}

UpdatePlan chosen(const std::string& name, int64_t budget) {
  FakeProbe seen = probe();
  return method(name, budget)->choose(0, seen);
}

}  // namespace

TEST_CASE("DetRGN takes the channels of the highest relative gradient norm") {
  for (const std::string name : {"s-det-rgn", "d-det-rgn"}) {
    CHECK(chosen(name, 3) == plan_of({0}, {}));
    CHECK(chosen(name, 7) == plan_of({0}, {}));  // the second costs 5; the third is not tried
    CHECK(chosen(name, 8) == plan_of({0}, {0}));
    CHECK(chosen(name, 10) == plan_of({0}, {0}));
    CHECK(chosen(name, 11) == plan_of({0, 1}, {0}));
    CHECK(chosen(name, 16) == plan_of({0, 1}, {0, 1}));
    CHECK(chosen(name, 18) == plan_of({0, 1}, {0, 1}));  // one element short of everything
    CHECK(chosen(name, 19) == plan_of({0, 1, 2}, {0, 1}));
    CHECK_THROWS_WITH(method(name, 2), Contains("hold no channel"));
  }
}

TEST_CASE("DetRaw takes the channels of the highest gradient norm") {
  CHECK(chosen("d-det-raw", 4) == UpdatePlan::head_only(2));  // the highest costs 5
  CHECK(chosen("d-det-raw", 5) == plan_of({}, {0}));
  CHECK(chosen("d-det-raw", 8) == plan_of({0}, {0}));
  CHECK(chosen("d-det-raw", 12) == plan_of({0}, {0}));
  CHECK(chosen("d-det-raw", 13) == plan_of({0}, {0, 1}));
  CHECK(chosen("d-det-raw", 18) == plan_of({0, 1}, {0, 1}));
  CHECK(chosen("d-det-raw", 19) == plan_of({0, 1, 2}, {0, 1}));
}

TEST_CASE("S-DetRGN looks once and a resumed run does not look again, D- methods always look") {
  FakeProbe first = probe(), later = probe();
  later.norms = {{0.3, 1.5, 6}, {1, 2}};
  const auto once = method("s-det-rgn", 8);
  const UpdatePlan plan = once->choose(0, first);
  CHECK(once->choose(1, later) == plan);
  CHECK(later.looks == 0);
  const auto resumed = method("s-det-rgn", 8);
  resumed->restore(once->state(), "run");
  CHECK(resumed->choose(2, later) == plan);
  CHECK(later.looks == 0);
  CHECK_THROWS_WITH(method("s-det-rgn", 8)->restore("", "run"), Contains("run"));

  for (const std::string name : {"d-det-rgn", "d-det-raw"}) {
    const auto always = method(name, 8);
    CHECK(always->choose(0, first) == plan_of({0}, {0}));
    CHECK(always->state().empty());
    // By n / theta 2, 0.5, 0.4; by n 6, 2, 1.5.
    CHECK(always->choose(1, later) ==
          (name == "d-det-rgn" ? plan_of({1, 2}, {}) : plan_of({2}, {1})));
    CHECK_NOTHROW(always->restore("", "run"));
    CHECK_THROWS_WITH(always->restore("[]", "run"), Contains("does not keep"));
  }
}

TEST_CASE("the Det methods ask for the gradient of their pool alone") {
  StrategyOptions options;
  options.network = "mbv2-w0.35";
  options.convs = convs_of(mbv2(), 128);
  options.budget_elements = 27946;
  FakeProbe seen;
  for (const ConvLayer& conv : options.convs) {
    seen.norms.emplace_back(static_cast<size_t>(conv.shape.in_c), 1.0);
  }
  const auto pooled = make_strategy("d-det-rgn", options);
  const UpdatePlan plan = pooled->choose(0, seen);
  CHECK(seen.asked_convs == pooled->pool().convs);
  CHECK(seen.asked_convs.size() == 34);
  CHECK(pooled->costs().plan(plan).total() <= 27946);
  options.pool = parse_pool("all");
  make_strategy("d-det-rgn", options)->choose(0, seen);
  CHECK(seen.asked_convs.size() == 51);
}

TEST_CASE("without a look the Det methods stand as random draws of their pool") {
  CHECK(method("d-det-rgn", 8, 5)->plan(3) == method("d-det-raw", 8, 5)->plan(3));
  CHECK(method("s-det-rgn", 11)->plan(3) == method("s-det-rgn", 11)->plan(0));
}
