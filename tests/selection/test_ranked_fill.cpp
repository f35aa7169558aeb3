// Filling by rank, worked by hand.
#include <catch2/catch.hpp>

#include "selection/ranked_fill.h"

using namespace trady;

namespace {

constexpr auto kInputs = LayerUpdate::Kind::input_channels;

/// By descending score: conv 1 channel 2 (4 elements), conv 0 channel 0 (3), conv 1 channel 0 (4),
/// conv 0 channel 1 (3). Total 14.
std::vector<RankedUnit> units() {
  return {{0, 0, 8.0, 3}, {0, 1, 0.5, 3}, {1, 0, 7.0, 4}, {1, 2, 9.0, 4}};
}

UpdatePlan plan_of(std::vector<int32_t> first, std::vector<int32_t> second) {
  UpdatePlan plan = UpdatePlan::head_only(2);
  if (!first.empty()) plan.convs[0] = LayerUpdate::inputs(std::move(first));
  if (!second.empty()) plan.convs[1] = LayerUpdate::inputs(std::move(second));
  return plan;
}

UpdatePlan filled(int64_t budget) {
  return fill_by_rank(units(), budget, kInputs, 2);
}

}  // namespace

TEST_CASE("ranked filling stops at the first unit that would exceed the budget") {
  CHECK(filled(3) == UpdatePlan::head_only(2));  // the first costs 4; the second is not tried
  CHECK(filled(4) == plan_of({}, {2}));
  CHECK(filled(6) == plan_of({}, {2}));
  CHECK(filled(7) == plan_of({0}, {2}));
  CHECK(filled(10) == plan_of({0}, {2}));  // 3 are left, for which the last would do
  CHECK(filled(11) == plan_of({0}, {0, 2}));
  CHECK(filled(13) == plan_of({0}, {0, 2}));
  CHECK(filled(14) == plan_of({0, 1}, {0, 2}));
  CHECK(filled(1 << 30) == plan_of({0, 1}, {0, 2}));
}

TEST_CASE("of units with equal scores those listed first are taken first") {
  const std::vector<RankedUnit> equal{{0, 0, 1.0, 1}, {0, 1, 1.0, 1}, {1, 0, 1.0, 1}};
  CHECK(fill_by_rank(equal, 2, kInputs, 2) == plan_of({0, 1}, {}));
  const UpdatePlan outputs = fill_by_rank(equal, 3, LayerUpdate::Kind::output_channels, 2);
  CHECK(outputs.convs[0] == LayerUpdate::outputs({0, 1}));
  CHECK(outputs.convs[1] == LayerUpdate::outputs({0}));
}
