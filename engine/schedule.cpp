#include "engine/schedule.h"

#include <cmath>
#include <numbers>

namespace trady {

double Schedule::learning_rate(int64_t step) const {
  if (step < warmup_steps) {
    return peak_learning_rate * static_cast<double>(step) / static_cast<double>(warmup_steps);
  }
  const double progress =
      static_cast<double>(step - warmup_steps) / static_cast<double>(total_steps - warmup_steps);
  return 0.5 * peak_learning_rate * (1 + std::cos(std::numbers::pi * progress));
}

}  // namespace trady
