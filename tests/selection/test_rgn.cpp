// Relative gradient norms, worked by hand.
#include <catch2/catch.hpp>

#include <vector>

#include "engine/error.h"
#include "selection/rgn.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

/// theta: conv 0 (2 channels) 2 + 4 = 6, conv 1 (1 channel) 1 + 4 = 5.
CostModel toy() {
  return CostModel({hand_made_conv(0, {.in_h = 2, .in_w = 2, .in_c = 2, .out_c = 2}),
                    hand_made_conv(1, {.in_h = 2, .in_w = 2, .in_c = 1, .out_c = 1})});
}

}  // namespace

TEST_CASE("layer RGN: sum over channels, mean over the epoch's steps, sum over epochs") {
  RgnAccumulator rgn(toy());
  const auto step = [&](std::vector<double> first, std::vector<double> second) {
    rgn.add(0, first);
    rgn.add(1, second);
    rgn.end_step();
  };
  step({6, 12}, {10});  // (6 + 12) / 6 = 3, 10 / 5 = 2
  step({0, 6}, {0});    // 1, 0
  rgn.end_epoch();
  CHECK(rgn.layer_rgn()[0] == Approx(2));
  CHECK(rgn.layer_rgn()[1] == Approx(1));
  step({3, 3}, {20});  // an epoch of one step: 1, 4
  rgn.end_epoch();
  CHECK(rgn.layer_rgn()[0] == Approx(3));
  CHECK(rgn.layer_rgn()[1] == Approx(5));
}

TEST_CASE("incomplete steps are errors") {
  RgnAccumulator rgn(toy());
  CHECK_THROWS_WITH(rgn.end_epoch(), Contains("no step"));
  const std::vector<double> two{1, 1}, one{1};
  CHECK_THROWS_WITH(rgn.add(0, one), Contains("2 input channels, got 1"));
  rgn.add(0, two);
  CHECK_THROWS_WITH(rgn.add(0, two), Contains("twice"));
  CHECK_THROWS_WITH(rgn.end_step(), Contains("conv 1"));
}
