// The filling rule: worked by hand, in the long run, and its bounds.
#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "selection/draw_bounds.h"
#include "selection/fill.h"
#include "selection/pool.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;

namespace {

/// 1x1 convs at 1 x 1: conv 0 has 3 units of 2 + 1 elements, conv 1 has 2 units of 4 + 1. Total 19.
CostModel tiny() {
  return CostModel(
      {hand_made_conv(0, {.in_c = 3, .out_c = 2}), hand_made_conv(1, {.in_c = 2, .out_c = 4})});
}

UpdatePlan draw(const UnitPool& pool, int64_t budget, uint32_t epoch, uint64_t seed = 0) {
  RandomStream random(seed, RandomPurpose::selection, epoch);
  return pool.draw(budget, random);
}

int64_t selected_units(const UpdatePlan& plan) {
  int64_t units = 0;
  for (const LayerUpdate& update : plan.convs) units += std::ssize(update.channels);
  return units;
}

std::vector<int> trady_pool() {
  return resolve_pool({}, "mbv2-w0.35", 51).convs;
}

}  // namespace

TEST_CASE("nothing is selected when every unit costs more than the budget") {
  const UnitPool pool(tiny(), {0, 1});
  for (uint32_t epoch = 0; epoch < 20; ++epoch) {
    CHECK(draw(pool, 2, epoch) == UpdatePlan::head_only(2));
    CHECK(draw(pool, 0, epoch) == UpdatePlan::head_only(2));
  }
}

TEST_CASE("the whole pool is selected when the budget is its total, and one unit less below") {
  const CostModel costs = tiny();
  const UnitPool pool(costs, {0, 1});
  REQUIRE(costs.network().total() == 19);
  REQUIRE(pool.unit_count() == 5);
  UpdatePlan everything;
  everything.convs = {LayerUpdate::inputs({0, 1, 2}), LayerUpdate::inputs({0, 1})};
  for (uint32_t epoch = 0; epoch < 20; ++epoch) {
    CHECK(draw(pool, 19, epoch) == everything);
    CHECK(draw(pool, 1 << 30, epoch) == everything);
    CHECK(selected_units(draw(pool, 18, epoch)) == 4);  // only the unit drawn last is missing
  }
}

TEST_CASE("a draw stops at the first unit that does not fit and skips none") {
  // Budget 7, units of 3 and 5. Two fit only if both cost 3. By stopping, both have to be drawn
  // first: 3/5 * 2/4 of the draws. By skipping, a first 3 would always find another: 3/5.
  const UnitPool pool(tiny(), {0, 1});
  int two_units = 0;
  constexpr int kDraws = 20000;
  for (uint32_t epoch = 0; epoch < kDraws; ++epoch) {
    const UpdatePlan plan = draw(pool, 7, epoch);
    if (selected_units(plan) == 2) {
      ++two_units;
      CHECK(plan.convs[1].channels.empty());
    } else {
      CHECK(selected_units(plan) == 1);
    }
  }
  CHECK(two_units / double{kDraws} == Approx(0.3).margin(0.015));
}

TEST_CASE("draws are uniform over channels, not layers") {
  const UnitPool pool(tiny(), {0, 1});
  std::vector<int> drawn(5, 0);
  constexpr int kDraws = 20000;
  for (uint32_t epoch = 0; epoch < kDraws; ++epoch) {
    const UpdatePlan plan = draw(pool, 5, epoch);  // exactly the first unit: 3 + 3 is above 5
    REQUIRE(selected_units(plan) == 1);
    const bool first_conv = !plan.convs[0].channels.empty();
    ++drawn[first_conv ? plan.convs[0].channels[0] : 3 + plan.convs[1].channels[0]];
  }
  for (const int count : drawn) CHECK(count / double{kDraws} == Approx(0.2).margin(0.012));
}

TEST_CASE("plans list ascending channels of the pool's convs only") {
  const CostModel costs(convs_of(mbv2(), 128));
  const std::vector<int> convs = trady_pool();
  const UnitPool pool(costs, convs);
  for (uint32_t epoch = 0; epoch < 200; ++epoch) {
    const UpdatePlan plan = draw(pool, 27946, epoch);
    for (int conv = 0; conv < costs.conv_count(); ++conv) {
      const LayerUpdate& update = plan.convs[conv];
      const bool in_pool = std::ranges::binary_search(convs, conv);
      CHECK((in_pool || !update.updates_anything()));
      CHECK(!update.train_bias);
      CHECK(std::ranges::adjacent_find(update.channels, std::greater_equal<>()) ==
            update.channels.end());
      if (!update.channels.empty()) {
        CHECK(update.channels.front() >= 0);
        CHECK(update.channels.back() < costs.convs()[conv].shape.in_c);
      }
    }
  }
}

TEST_CASE("10,000 draws stay within the budget, use what is published and keep to the bounds") {
  struct Setting {
    std::string name;
    CostModel costs;
    std::vector<int> pool;
    double mean, tolerance;
  };
  const CostModel paper(convs_of(mbv2(true), 128), DepthwiseCost::one);
  const CostModel ours(convs_of(mbv2(), 128));
  REQUIRE(trady_pool().size() == 34);
  const std::vector<Setting> settings{
      {"D-FullRandom, 52 convs, depthwise cost 1", paper, paper.all_convs(), 26866, 65},
      {"TraDy, 51 convs, 34 in the pool, depthwise cost D^2", ours, trady_pool(), 27866, 5},
  };
  constexpr int64_t kBudget = 27946;
  constexpr int kDraws = 10000;
  for (const Setting& setting : settings) {
    INFO(setting.name);
    const CostModel real(setting.costs.convs());
    const UnitPool pool(setting.costs, setting.pool);
    const DrawBounds bounds = draw_bounds(setting.costs, setting.pool, kBudget);
    int64_t used = 0, above_budget = 0, above_bounds = 0;
    for (uint32_t epoch = 0; epoch < kDraws; ++epoch) {
      const UpdatePlan plan = draw(pool, kBudget, epoch);
      const int64_t cost = setting.costs.plan(plan).total();
      const ElementCost stored = real.plan(plan);
      used += cost;
      above_budget += cost > kBudget;
      bool within = stored.weights <= bounds.max_weight_elements &&
                    stored.activations <= bounds.max_activation_elements;
      for (int conv = 0; conv < real.conv_count(); ++conv) {
        const LayerUpdate& update = plan.convs[conv];
        within = within && std::ssize(update.channels) <= bounds.max_channels[conv] &&
                 real.layer(conv, update).weights <= bounds.max_layer_weight_elements &&
                 (!update.updates_anything() || conv >= bounds.shallowest_conv);
      }
      above_bounds += !within;
    }
    CHECK(above_budget == 0);
    CHECK(above_bounds == 0);
    CHECK(static_cast<double>(used) / kDraws == Approx(setting.mean).margin(setting.tolerance));
  }
}

TEST_CASE("mean sparsities and saved multiply-adds of draws are the simulated ones") {
  struct Setting {
    std::string name;
    CostModel costs;
    std::vector<int> pool;
    double weights, activations, input_positions, output_positions;  ///< per cent
  };
  const CostModel paper(convs_of(mbv2(true), 128), DepthwiseCost::one);
  const CostModel ours(convs_of(mbv2(), 128));
  const std::vector<Setting> settings{
      {"D-FullRandom, 52 convs, depthwise cost 1", paper, paper.all_convs(), 97.84, 97.86, 98.16,
       97.87},
      {"TraDy, 51 convs, depthwise cost D^2", ours, trady_pool(), 94.89, 98.37, 98.17, 97.41},
  };
  for (const Setting& setting : settings) {
    INFO(setting.name);
    const CostModel& costs = setting.costs;
    const UnitPool pool(costs, setting.pool);
    ElementCost mean_cost;
    int64_t output_positions = 0, input_positions = 0;
    constexpr int kDraws = 2000;
    for (uint32_t epoch = 0; epoch < kDraws; ++epoch) {
      const UpdatePlan plan = draw(pool, 27946, epoch);
      mean_cost += costs.plan(plan);
      output_positions += costs.plan_multiply_adds(plan);
      input_positions += costs.plan_multiply_adds(plan, ComputeCost::input_positions);
    }
    const auto saved_percent = [](int64_t used, int64_t total) {
      return 100 * (1 - static_cast<double>(used) / kDraws / static_cast<double>(total));
    };
    // The published sparsities count D^2 weights a depthwise channel in the whole network.
    const ElementCost network = CostModel(costs.convs()).network();
    CHECK(saved_percent(mean_cost.weights, network.weights) == Approx(setting.weights).margin(0.1));
    CHECK(saved_percent(mean_cost.activations, network.activations) ==
          Approx(setting.activations).margin(0.03));
    CHECK(saved_percent(output_positions, costs.network_multiply_adds()) ==
          Approx(setting.output_positions).margin(0.05));
    CHECK(
        saved_percent(input_positions, costs.network_multiply_adds(ComputeCost::input_positions)) ==
        Approx(setting.input_positions).margin(0.05));
  }
}

TEST_CASE("a draw takes less than a millisecond") {
  const CostModel costs(convs_of(mbv2(), 128));
  for (const std::vector<int>& convs : {costs.all_convs(), trady_pool()}) {
    const UnitPool pool(costs, convs);
    std::vector<double> milliseconds;
    for (uint32_t epoch = 0; epoch < 101; ++epoch) {
      const auto start = std::chrono::steady_clock::now();
      const UpdatePlan plan = draw(pool, 27946, epoch);
      const std::chrono::duration<double, std::milli> elapsed =
          std::chrono::steady_clock::now() - start;
      milliseconds.push_back(elapsed.count());
    }
    std::ranges::nth_element(milliseconds, milliseconds.begin() + 50);
    INFO("median of 101 draws from " << pool.unit_count() << " units: " << milliseconds[50]
                                     << " ms");
    CHECK(milliseconds[50] < 1.0);
  }
}

TEST_CASE("draw bounds worked by hand") {
  const CostModel costs = tiny();
  const std::vector<int> both{0, 1};
  const DrawBounds seven = draw_bounds(costs, both, 7);
  CHECK(seven.shallowest_conv == 0);
  CHECK(seven.max_channels == std::vector<int64_t>{2, 1});
  CHECK(seven.max_layer_weight_elements == 4);
  CHECK(seven.max_weight_elements == 5);      // 4 of conv 1, then 2/5 of 4; a draw reaches 4
  CHECK(seven.max_activation_elements == 2);  // 2 of conv 0, then 1/3 of 1
  const DrawBounds four = draw_bounds(costs, both, 4);  // conv 1's units cost 5
  CHECK(four.max_channels == std::vector<int64_t>{1, 0});
  CHECK(four.max_weight_elements == 2);
  CHECK(four.max_layer_weight_elements == 2);
  const DrawBounds all = draw_bounds(costs, both, 1000);
  CHECK(all.max_weight_elements == costs.network().weights);
  CHECK(all.max_activation_elements == costs.network().activations);
  const std::vector<int> last{1};
  CHECK(draw_bounds(costs, last, 19).shallowest_conv == 1);
  CHECK(draw_bounds(costs, last, 4).shallowest_conv == 2);  // nothing fits: no conv is updated
  CHECK(draw_bounds(costs, last, 4).max_weight_elements == 0);
}

TEST_CASE("bounds count what is stored, not what the paper's depthwise cost says") {
  const std::vector<ConvLayer> convs{hand_made_conv(
      0,
      {.in_h = 2, .in_w = 2, .in_c = 6, .out_c = 6, .kernel = 3, .padding = 1, .depthwise = true})};
  const std::vector<int> pool{0};
  const DrawBounds bounds = draw_bounds(CostModel(convs, DepthwiseCost::one), pool, 10);
  CHECK(bounds.max_channels == std::vector<int64_t>{2});  // 1 + 4 each
  CHECK(bounds.max_weight_elements == 18);
  CHECK(bounds.max_layer_weight_elements == 18);
}
