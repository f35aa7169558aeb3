// Plans of buffers: nothing that is live together shares a byte, in random plans.
#include <algorithm>
#include <catch2/catch.hpp>

#include "engine/memory/memory_plan.h"
#include "engine/random.h"
#include "tests/engine/plan_checks.h"

namespace trady {
namespace {

constexpr auto kCategory = MemoryCategory::activations;

MemoryPlan random_plan(uint32_t seed, int64_t red_zone_bytes) {
  RandomStream random(seed, RandomPurpose::selection);
  MemoryPlan plan(red_zone_bytes);
  const uint32_t buffers = 1 + random.below(60);
  const uint32_t times = 1 + random.below(30);
  for (uint32_t i = 0; i < buffers; ++i) {
    // Sizes across three orders of magnitude, none excluded; a few buffers are never used.
    const int64_t bytes = random.below(1 + (uint32_t{1} << (4 * random.below(4))));
    const BufferId id = plan.add("buffer", static_cast<MemoryCategory>(random.below(10)), bytes);
    for (uint32_t uses = random.below(4); uses > 0; --uses) {
      plan.use(id, static_cast<int>(random.below(times)));
    }
  }
  plan.place();
  return plan;
}

}  // namespace

TEST_CASE("Random plans: no two live buffers share a byte", "[memory]") {
  for (const int64_t red_zone : {0, 64, 128}) {
    for (uint32_t seed = 0; seed < 2000; ++seed) {
      INFO("seed " << seed << ", red zone " << red_zone);
      testing::check_plan(random_plan(seed, red_zone));
    }
  }
}

TEST_CASE("Buffers that never meet share their bytes", "[memory]") {
  MemoryPlan plan;
  for (int time = 0; time < 10; ++time) plan.use(plan.add("b", kCategory, 1000), time);
  plan.place();
  CHECK(plan.reserved_bytes() == 1024);
  CHECK(plan.peak().total() == 1000);
}

TEST_CASE("A chain of activations needs its two largest neighbours", "[memory]") {
  MemoryPlan plan;
  const std::vector<int64_t> bytes{640, 1280, 6400, 2560, 64};
  for (size_t i = 0; i < bytes.size(); ++i) {
    const BufferId id = plan.add("activation", kCategory, bytes[i]);
    plan.use(id, static_cast<int>(i));
    plan.use(id, static_cast<int>(i) + 1);
  }
  plan.place();
  testing::check_plan(plan);
  CHECK(plan.peak_time() == 3);
  CHECK(plan.peak().total() == 6400 + 2560);
  CHECK(plan.reserved_bytes() == 6400 + 2560);
}

TEST_CASE("Live bytes by category at every time", "[memory]") {
  MemoryPlan plan;
  const BufferId mask = plan.add("mask", MemoryCategory::masks, 3);
  const BufferId saved = plan.add("saved", MemoryCategory::saved_inputs, 100);
  plan.add("never used", MemoryCategory::workspace, 1 << 20);
  plan.use(mask, 3);
  plan.use(mask, 1);  // out of order
  plan.use(saved, 2);
  plan.place();
  CHECK(plan.live_at(0).total() == 0);
  CHECK(plan.live_at(1)[MemoryCategory::masks] == 3);
  CHECK(plan.live_at(2).total() == 103);
  CHECK(plan.live_at(3).total() == 3);
  CHECK(plan.peak()[MemoryCategory::saved_inputs] == 100);
  CHECK(plan.reserved_bytes() == 128 + 64);
  CHECK(plan.starting_at(1) == std::vector<BufferId>{mask});
  CHECK(plan.ending_at(3) == std::vector<BufferId>{mask});
}

TEST_CASE("Empty plans", "[memory]") {
  MemoryPlan plan;
  plan.place();
  CHECK(plan.reserved_bytes() == 0);
  const BufferId empty = plan.add("empty", kCategory, 0);
  plan.use(empty, 0);
  plan.place();
  CHECK(plan.reserved_bytes() == 0);
  CHECK(plan.peak().total() == 0);
}

TEST_CASE("A plan may be extended and placed again", "[memory]") {
  MemoryPlan plan = random_plan(1, 64);
  const int64_t before = plan.reserved_bytes();
  const BufferId id = plan.add("late", kCategory, 5000);
  plan.use(id, 0);
  plan.use(id, plan.times() - 1);
  plan.place();
  testing::check_plan(plan);
  CHECK(plan.reserved_bytes() >= before);
}

}  // namespace trady
