// What a network says of an image.
#include "tools/inference.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

namespace trady::tools {

using Catch::Contains;

TEST_CASE("Probabilities of any logits add up, and keep their order") {
  const std::vector<double> even = softmax(std::vector<double>{3, 3, 3, 3});
  CHECK(even == std::vector<double>(4, 0.25));
  const std::vector<double> two = softmax(std::vector<double>{0, std::log(3)});
  CHECK(two[0] == Approx(0.25));
  CHECK(two[1] == Approx(0.75));
  const std::vector<double> huge = softmax(std::vector<double>{1e300, -1e300, 1e300});
  CHECK(huge == std::vector<double>{0.5, 0, 0.5});
}

TEST_CASE("Logits that are not finite are refused") {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_WITH(softmax(std::vector<double>{1, bad}), Contains("not finite"));
  }
}

}  // namespace trady::tools
