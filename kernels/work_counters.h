// Multiply-adds as the kernels' launchers count them: from the loop bounds that they run, so that a
// dense computation gathered afterwards cannot pass for a sliced one.
#pragma once

#include <atomic>
#include <cstdint>

namespace trady::kernels {

struct WorkCounters {
  std::atomic<int64_t> forward{0};
  std::atomic<int64_t> grad_input{0};
  std::atomic<int64_t> grad_weight{0};

  void reset() {
    forward = 0;
    grad_input = 0;
    grad_weight = 0;
  }
};

/// One set of counters a process; relaxed additions, exact once the workers have been joined.
WorkCounters& work_counters();

}  // namespace trady::kernels
