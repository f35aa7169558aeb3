// Products of fragments, and asynchronous copies.
#include <cmath>
#include <limits>

#include "fixture.h"
#include "kernels.h"

namespace {

std::vector<float> plain_product(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> d(128, 0.0f);
  for (size_t i = 0; i < 16; ++i) {
    for (size_t j = 0; j < 8; ++j) {
      for (size_t k = 0; k < 8; ++k) d[i * 8 + j] += a[i * 8 + k] * b[k * 8 + j];
    }
  }
  return d;
}

}  // namespace

TEST_CASE("mma multiplies fragments as the PTX tables lay them out") {
  // Small integers: exact in TF32, and no two products of rows and columns alike.
  std::vector<float> a(128), b(64);
  for (size_t i = 0; i < 128; ++i) a[i] = static_cast<float>(i * i % 31) - 11;
  for (size_t i = 0; i < 64; ++i) b[i] = static_cast<float>(i * 7 % 19) - 8;
  const std::vector<float> expected = plain_product(a, b);
  in_all_orders([&] {
    Buffer<float> in_a(a), in_b(b), out(128);
    launch({"tile", 1, 32}, multiply_tile, in_a.data(), in_b.data(), out.data(), false);
    CHECK(out.read() == expected);
    launch({"tile", 1, 32}, multiply_tile, in_a.data(), in_b.data(), out.data(), true);
    CHECK(out.read() != expected);
  });
}

TEST_CASE("the whole warp takes part in an mma") {
  in_all_orders([] {
    Buffer<float> out(32);
    launch({"half", 1, 32}, half_mma, out.data(), false);
    CHECK(out.read() == std::vector<float>(32, 4.0f));
    launch({"half", 1, 32}, half_mma, out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("mma") && Contains("has exited"));
  });
}

TEST_CASE("TF32 rounds to nearest, ties away from zero") {
  const float unit = 1.0f / 1024;  // of the last place of 1
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {1,
                                     1 + unit / 2,
                                     1 + 3 * unit / 2,
                                     -(1 + unit / 2),
                                     1 + unit * 0.49f,
                                     std::numeric_limits<float>::max(),
                                     infinite,
                                     -0.0f};
  Buffer<float> in(values), out(values.size());
  launch({"round", 1, 8}, round_to_tf32, in.data(), out.data(), 8);
  CHECK(out.read() ==
        std::vector<float>{1, 1 + unit, 1 + 2 * unit, -(1 + unit), 1, infinite, infinite, -0.0f});
  Buffer<float> none(std::vector<float>{std::nanf("")}), result(1);
  launch({"round", 1, 1}, round_to_tf32, none.data(), result.data(), 1);
  CHECK(std::isnan(result.read()[0]));
}

TEST_CASE("a missing wait for cp.async") {
  in_all_orders([] {
    Buffer<float> in(ascending(128)), out(128);
    launch({"copy", 1, 32, 512}, copy_async, in.data(), out.data(), false);
    CHECK(out.read() == ascending(128));
    launch({"copy", 1, 32, 512}, copy_async, in.data(), out.data(), true);
    CHECK_THROWS_WITH(synchronize(), Contains("a cp.async to it has not been waited for"));
  });
}

TEST_CASE("a wait for the first of two groups of cp.async") {
  Buffer<float> in(ascending(256)), out(256);
  launch({"groups", 1, 32, 1024}, copy_in_two_groups, in.data(), out.data(), false);
  synchronize();
  launch({"groups", 1, 32, 1024}, copy_in_two_groups, in.data(), out.data(), true);
  CHECK_THROWS_WITH(synchronize(), Contains("shared memory of 1024 bytes + 512") &&
                                       Contains("has not been waited for"));
}

TEST_CASE("what others copied needs a barrier after their wait") {
  in_all_orders([] {
    Buffer<float> in(ascending(128)), out(128);
    launch({"others", 1, 32, 512}, copy_for_others, in.data(), out.data(), false);
    CHECK(out.read() == ascending(128));
    launch({"others", 1, 32, 512}, copy_for_others, in.data(), out.data(), true);
    CHECK_THROWS_AS(synchronize(), Violation);
  });
}

TEST_CASE("a cp.async that is not valid writes zeros") {
  Buffer<float> out(5);
  launch({"nothing", 1, 1, 20}, copy_nothing, out.data());
  CHECK(out.read() == std::vector<float>(5, 0.0f));
}
