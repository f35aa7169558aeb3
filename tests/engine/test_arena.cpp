// The arena's guards: they are on for this whole test binary, whatever it was built as.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>

#include "engine/error.h"
#include "engine/memory/arena.h"
#include "tests/engine/plan_checks.h"

namespace trady {
namespace {

/// The wish is read once a process, so it is set before main; TRADY_ARENA_CHECKS=0 still wins.
const int kChecksAreOn = setenv("TRADY_ARENA_CHECKS", "1", /*overwrite=*/0);

constexpr auto kCategory = MemoryCategory::activations;

/// Two neighbours that live together at time 1, and one that takes the first one's place.
struct Neighbours {
  Neighbours() {
    plan.use(a, 0);
    plan.use(a, 1);
    plan.use(b, 1);
    plan.use(b, 2);
    plan.use(c, 2);
    plan.place();
    arena = Arena(*device, plan.reserved_bytes());
    view = ArenaView(plan, arena.data());
  }
  std::unique_ptr<kernels::Backend> device = kernels::make_null_backend(kernels::DType::float32);
  MemoryPlan plan{arena_red_zone_bytes()};
  BufferId a = plan.add("first", kCategory, 40);
  BufferId b = plan.add("second", MemoryCategory::masks, 24);
  BufferId c = plan.add("third", kCategory, 40);
  Arena arena;
  ArenaView view;
};

bool is_off() {
  return kChecksAreOn != 0 || !arena_checks_enabled();
}

#if defined(__SANITIZE_ADDRESS__)
// There the write itself stops the program: the red zones are poisoned.
constexpr bool kPlantedWritesReturn = false;
#else
constexpr bool kPlantedWritesReturn = true;
#endif

}  // namespace

TEST_CASE("An overrun of one element between two buffers is found", "[memory]") {
  if (is_off() || !kPlantedWritesReturn) return;
  Neighbours n;
  testing::check_plan(n.plan);
  n.view.begin(0);
  n.view.end(0);
  n.view.begin(1);
  auto* first = static_cast<float*>(n.view.data(n.a));
  auto* second = static_cast<float*>(n.view.data(n.b));
  for (int i = 0; i < 10; ++i) first[i] = 1;
  for (int i = 0; i < 6; ++i) second[i] = 2;
  SECTION("none") {
    CHECK_NOTHROW(n.view.end(1));
  }
  SECTION("past the end") {
    first[10] = 1;
    CHECK_THROWS_WITH(n.view.end(1), Catch::Contains("'first'") && Catch::Contains("past the end"));
  }
  SECTION("before the start") {
    first[-1] = 1;
    CHECK_THROWS_WITH(n.view.end(1), Catch::Contains("'first'") && Catch::Contains("before"));
  }
  SECTION("of the neighbour, found when that one dies") {
    second[6] = 1;
    CHECK_NOTHROW(n.view.end(1));
    n.view.begin(2);
    CHECK_THROWS_WITH(n.view.end(2), Catch::Contains("'second' (24 bytes)"));
  }
  SECTION("found when all are retired") {
    first[10] = 1;
    CHECK_THROWS_AS(n.view.end_all(), Error);
  }
}

TEST_CASE("A buffer cannot be used outside of its planned life", "[memory]") {
  Neighbours n;
  CHECK_THROWS_WITH(n.view.data(n.a),
                    Catch::Contains("'first'") && Catch::Contains("planned life"));
  n.view.begin(0);
  CHECK(n.view.data(n.a) != nullptr);
  CHECK_THROWS_AS(n.view.data(n.b), Error);
  n.view.end(0);
  CHECK(n.view.data(n.a) != nullptr);
  n.view.begin(1);
  n.view.end(1);
  CHECK_THROWS_AS(n.view.data(n.a), Error);
  n.view.begin(2);
  CHECK(n.view.data(n.b) != nullptr);
  n.view.end_all();
  CHECK_THROWS_AS(n.view.data(n.c), Error);
  CHECK(n.view.data(BufferId{}) == nullptr);
}

TEST_CASE("What a buffer held before reads as NaN", "[memory]") {
  if (is_off()) return;
  Neighbours n;
  n.view.begin(0);
  auto* first = static_cast<float*>(n.view.data(n.a));
  CHECK(std::isnan(first[0]));
  first[0] = first[9] = 1;
  n.view.end(0);
  n.view.begin(1);
  n.view.end(1);
  n.view.begin(2);
  const auto* third = static_cast<const float*>(n.view.data(n.c));
  CHECK(third == first);  // the same bytes
  CHECK(std::isnan(third[0]));
  CHECK(std::isnan(third[9]));
}

TEST_CASE("A new view takes over the block of an old one", "[memory]") {
  Neighbours n;
  n.view.begin(0);
  n.view = ArenaView(n.plan, n.arena.data());
  CHECK(n.view.live().total() == 0);
  n.view.begin(0);
  static_cast<float*>(n.view.data(n.a))[9] = 1;
  CHECK_NOTHROW(n.view.end_all());
}

TEST_CASE("Views count live and peak bytes by category", "[memory]") {
  Neighbours n;
  for (int round = 0; round < 2; ++round) {
    n.view.begin(0);
    CHECK(n.view.live().total() == 40);
    n.view.end(0);
    n.view.begin(1);
    CHECK(n.view.live()[kCategory] == 40);
    CHECK(n.view.live()[MemoryCategory::masks] == 24);
    n.view.end(1);
    n.view.begin(2);
    n.view.end(2);
    CHECK(n.view.live() == CategoryBytes{});
    CHECK(n.view.peak() == n.plan.peak());
  }
}

TEST_CASE("Arenas move, start as zeros, and say what the system refuses", "[memory]") {
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  Arena arena(*device, 1000);
  CHECK(arena.bytes() == 1000);
  CHECK(static_cast<int>(arena.data()[999]) == 0);
  std::byte* address = arena.data();
  Arena other(std::move(arena));
  CHECK(other.data() == address);
  CHECK(Arena(*device, 0).data() == nullptr);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK_THROWS_WITH(Arena(*device, int64_t{1} << 60), Catch::Contains("--memory-limit"));
#endif
}

}  // namespace trady
