#include <catch2/catch.hpp>

#include "engine/error.h"
#include "selection/plan_text.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

std::vector<ConvLayer> convs() {
  return {hand_made_conv(0, {.in_c = 3, .out_c = 8}), hand_made_conv(1, {.in_c = 8, .out_c = 4}),
          hand_made_conv(2, {.in_c = 4, .out_c = 4}), hand_made_conv(3, {.in_c = 4, .out_c = 2}),
          hand_made_conv(4, {.in_c = 2, .out_c = 2})};
}

}  // namespace

TEST_CASE("a plan survives being written as text") {
  UpdatePlan plan = UpdatePlan::head_only(5);
  plan.convs[0] = LayerUpdate::inputs({0, 2});
  plan.convs[1] = LayerUpdate::outputs({3});
  plan.convs[2] = LayerUpdate::bias_only();
  plan.convs[3] = LayerUpdate::whole(true);
  CHECK(plan_from_text(plan_to_text(plan), convs(), "x") == plan);
  plan.convs[0].train_bias = true;
  plan.convs[3].train_bias = false;
  CHECK(plan_from_text(plan_to_text(plan), convs(), "x") == plan);
  CHECK(plan_from_text("[]", convs(), "x") == UpdatePlan::head_only(5));
  CHECK(plan_to_text(UpdatePlan::head_only(5)) == "[]");
}

TEST_CASE("a text that is no plan of the network is refused") {
  for (const std::string text :
       {"", "{}", "[1]", R"([{"inputs": [0]}])", R"([{"conv": 5, "bias": true}])",
        R"([{"conv": -1, "bias": true}])", R"([{"conv": 0, "inputs": [3]}])",
        R"([{"conv": 0, "inputs": []}])", R"([{"conv": 0, "inputs": [1, 1]}])",
        R"([{"conv": 0, "inputs": [1.5]}])", R"([{"conv": 1, "outputs": [4]}])",
        R"([{"conv": 0, "inputs": [0], "outputs": [0]}])", R"([{"conv": 0, "bias": false}])",
        R"([{"conv": 0, "colour": "red"}])",
        R"([{"conv": 1, "bias": true}, {"conv": 0, "bias": true}])"}) {
    INFO(text);
    CHECK_THROWS_WITH(plan_from_text(text, convs(), "run/checkpoint"), Contains("run/checkpoint"));
  }
}
