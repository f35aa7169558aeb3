// Learning rate by step: linear warm-up from 0, then a cosine to 0 (docs/method.md section 6).
#pragma once

#include <cstdint>

namespace trady {

struct Schedule {
  double peak_learning_rate = 0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 1;  ///< warm-up included

  /// Of step s = 0, 1, ...: lr * s / warmup, then 0.5 * lr * (1 + cos(pi * s' / S)), s' counted
  /// from the end of the warm-up over the remaining S steps.
  double learning_rate(int64_t step) const;
};

}  // namespace trady
