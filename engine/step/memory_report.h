// The memory of a training step, in bytes: the same report is made from a plan and from what the
// arena counted while the step ran.
#pragma once

#include <string>

#include "engine/memory/categories.h"
#include "engine/parameters.h"
#include "engine/step/step_program.h"

namespace trady {

struct MemoryReport {
  CategoryBytes shared;     ///< weights, what lives as long as the selection, the device's own
  CategoryBytes lane_peak;  ///< of one worker at its fullest moment
  int workers = 1;
  int64_t reserved = 0;  ///< blocks that hold it all: what --memory-limit bounds

  /// Live bytes by category when every worker is at its fullest moment.
  CategoryBytes peak() const;
  /// "12345678 bytes: 1234 of weights, ...", for errors.
  std::string description() const;
  bool operator==(const MemoryReport&) const = default;
};

MemoryReport planned_memory(const StepProgram& program, const Parameters& parameters,
                            int64_t optimizer_bytes, int workers);

/// Bytes that one micro-batch keeps from forward for backward.
struct SavedBytes {
  int64_t inputs = 0;  ///< packed input channels, and inputs kept whole
  int64_t masks = 0;   ///< of ReLU / ReLU6
  int64_t total() const { return inputs + masks; }
};
SavedBytes saved_for_backward(const StepProgram& program);

}  // namespace trady
