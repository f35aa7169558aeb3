// What a training step is told and what it tells, in one block of device memory: a recorded step
// reads and writes it anew at every replay, and the host looks at it only when the step is done.
#pragma once

#include <cstdint>

namespace trady::kernels {

struct StepControl {
  double learning_rate = 0;  ///< from the host, before the step

  // From the step; `summarize` and `judge` (kernels/backend.h) say how.
  double loss_sum = 0;        ///< of the batch's samples
  int64_t correct = 0;        ///< samples classified right
  double squared_norm = 0;    ///< of the gradient, over all parameters
  double gradient_scale = 1;  ///< what clipping multiplies the gradient with
  int32_t updates = 0;        ///< whether the parameters are updated: 0 or 1
  int32_t reserved = 0;
};

}  // namespace trady::kernels
