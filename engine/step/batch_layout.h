// One batch in device memory, as one block so that one copy brings it: what the step is told and
// tells, labels and, on a device beside the host, pixels.
#pragma once

#include <cstdint>

#include "engine/memory/memory_plan.h"
#include "kernels/step_control.h"

namespace trady {

struct BatchLayout {
  int64_t batch = 0;
  int64_t image_bytes = 0;   ///< of one image, S * S * 3
  bool holds_pixels = true;  ///< false: the device reads the host's

  int64_t labels_offset() const { return aligned(sizeof(kernels::StepControl)); }
  int64_t pixels_offset() const {
    return aligned(labels_offset() + batch * int64_t{sizeof(int32_t)});
  }
  int64_t bytes() const { return bytes(batch); }
  /// Of a batch of fewer images.
  int64_t bytes(int64_t images) const {
    return pixels_offset() + (holds_pixels ? images * image_bytes : 0);
  }

 private:
  static int64_t aligned(int64_t bytes) {
    return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  }
};

}  // namespace trady
