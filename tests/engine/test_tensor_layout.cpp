#include "engine/tensor_layout.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "engine/error.h"

using Catch::Matchers::Contains;
using trady::FilterShape;

TEST_CASE("OIHW becomes OHWI element by element") {
  const FilterShape shape{2, 3, 2, 5};
  std::vector<double> oihw(static_cast<size_t>(shape.elements()));
  std::iota(oihw.begin(), oihw.end(), 0.0);
  const std::vector<double> ohwi = trady::oihw_to_ohwi(oihw, shape);
  for (int64_t o = 0; o < 2; ++o) {
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t y = 0; y < 2; ++y) {
        for (int64_t x = 0; x < 5; ++x) {
          CHECK(ohwi[static_cast<size_t>(((o * 2 + y) * 5 + x) * 3 + i)] ==
                oihw[static_cast<size_t>(((o * 3 + i) * 2 + y) * 5 + x)]);
        }
      }
    }
  }
  CHECK(trady::ohwi_to_oihw(ohwi, shape) == oihw);
}

TEST_CASE("depthwise and 1x1 weights are the same in both layouts") {
  for (const FilterShape& shape : {FilterShape{4, 1, 3, 3}, FilterShape{4, 6, 1, 1}}) {
    std::vector<double> weight(static_cast<size_t>(shape.elements()));
    std::iota(weight.begin(), weight.end(), 0.0);
    CHECK(trady::oihw_to_ohwi(weight, shape) == weight);
    CHECK(trady::ohwi_to_oihw(weight, shape) == weight);
  }
}

TEST_CASE("a weight of another size is refused with both sizes") {
  const std::vector<double> weight(10);
  CHECK_THROWS_WITH(trady::oihw_to_ohwi(weight, FilterShape{2, 3, 1, 1}),
                    Contains("[2, 3, 1, 1]") && Contains("6 elements") && Contains("10"));
}
