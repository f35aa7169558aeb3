// Warm-up and cosine by the formula of the recipe.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/schedule.h"

namespace trady {

TEST_CASE("Learning rate: linear warm-up from 0, cosine to 0") {
  const Schedule schedule{0.125, 50, 250};
  CHECK(schedule.learning_rate(0) == 0);
  CHECK(schedule.learning_rate(1) == Approx(0.125 / 50));
  CHECK(schedule.learning_rate(49) == Approx(0.125 * 49 / 50));
  CHECK(schedule.learning_rate(50) == 0.125);
  CHECK(schedule.learning_rate(150) == Approx(0.0625));
  CHECK(schedule.learning_rate(249) ==
        Approx(0.5 * 0.125 * (1 + std::cos(3.14159265358979323846 * 199 / 200))));
  CHECK(std::abs(schedule.learning_rate(250)) < 1e-15);
  for (int64_t step = 50; step < 249; ++step) {
    CHECK(schedule.learning_rate(step + 1) < schedule.learning_rate(step));
  }
}

TEST_CASE("Learning rate without warm-up, and of warm-up alone") {
  const Schedule cosine{0.1, 0, 4};
  CHECK(cosine.learning_rate(0) == 0.1);
  CHECK(cosine.learning_rate(2) == Approx(0.05));
  const Schedule warmup{0.1, 4, 4};
  CHECK(warmup.learning_rate(3) == Approx(0.075));
}

}  // namespace trady
