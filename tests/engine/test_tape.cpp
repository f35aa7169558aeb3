// What the builder's side of the tape refuses.
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "engine/limits.h"
#include "engine/tape.h"

namespace trady {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("Images are square and of a sensible size") {
  Tape tape;
  CHECK_NOTHROW(tape.image(kMaxImageSize, {}));
  CHECK_THROWS_WITH(tape.image(0, {}), Contains("1 to 4096, got 0"));
  CHECK_THROWS_WITH(tape.image(kMaxImageSize + 1, {}), Contains("1 to 4096, got 4097"));
}

TEST_CASE("Two layers of one name are refused") {
  Tape tape;
  const TensorId x = tape.image(8, {});
  tape.conv2d(x, {.name = "a", .out_channels = 2});
  CHECK_THROWS_WITH(tape.conv2d(x, {.name = "a", .out_channels = 2}),
                    Contains("parameter a.weight already"));
  const TensorId pooled = tape.mean_pool(x);
  CHECK_THROWS_WITH(tape.linear(pooled, "a", 2), Contains("a.weight already"));
}

TEST_CASE(
    "Sizes that overflow or make no sense are refused by name, before anything is allocated") {
  constexpr int64_t kHuge = int64_t{1} << 62;
  Tape tape;
  const TensorId x = tape.image(1024, {});
  const auto refuses = [&](const Conv2dOptions& options, const std::string& what) {
    CHECK_THROWS_WITH(tape.conv2d(x, options), Contains("bad") && Contains(what));
  };
  refuses({.name = "bad", .out_channels = 0}, "must be positive");
  refuses({.name = "bad", .out_channels = -4}, "must be positive");
  refuses({.name = "bad", .out_channels = 4, .kernel = 0}, "got 0 and 1");
  refuses({.name = "bad", .out_channels = 4, .stride = 0}, "got 1 and 0");
  refuses({.name = "bad", .out_channels = kHuge}, "bad.weight");
  // 1024 x 1024 x 4096 elements a sample: the weight is small, the output is not.
  refuses({.name = "bad", .out_channels = 4096}, "[1024, 1024, 4096]");
  // 2^32 * 2^32 elements are 0 in 64 bits.
  refuses({.name = "bad.k", .out_channels = 4, .kernel = (int64_t{1} << 32) + 1}, "bad.k.weight");
  const TensorId pooled = tape.mean_pool(x);
  CHECK_THROWS_WITH(tape.linear(pooled, "head", kHuge), Contains("head.weight"));
  CHECK_THROWS_WITH(tape.linear(pooled, "head", 0), Contains("at least one class"));
}

}  // namespace
}  // namespace trady
