// What the kernels' launchers count. Multiply-adds: from the loop bounds that they run, so that a
// dense computation gathered afterwards cannot pass for a sliced one. Bytes of device memory that
// the convolutions' kernels read and write, each once a kernel: kernels/cuda/traffic.h has the
// formulas; devices on the host leave them 0.
#pragma once

#include <atomic>
#include <cstdint>

namespace trady::kernels {

/// Values of all counters at one time, or what some work added to them.
struct WorkTotals {
  int64_t forward = 0, grad_input = 0, grad_weight = 0;  ///< multiply-adds
  int64_t forward_bytes = 0, grad_input_bytes = 0, grad_weight_bytes = 0;

  bool operator==(const WorkTotals&) const = default;
};
/// What was added between two snapshots: later - earlier.
WorkTotals operator-(const WorkTotals& later, const WorkTotals& earlier);

struct WorkCounters {
  std::atomic<int64_t> forward{0}, grad_input{0}, grad_weight{0};  ///< multiply-adds
  std::atomic<int64_t> forward_bytes{0}, grad_input_bytes{0}, grad_weight_bytes{0};

  void reset();
  WorkTotals snapshot() const;
  /// For work that is done again without its launchers, as a recorded step at each replay.
  void add(const WorkTotals& work);

  void count_forward(int64_t multiply_adds, int64_t bytes);
  void count_grad_input(int64_t multiply_adds, int64_t bytes);
  void count_grad_weight(int64_t multiply_adds, int64_t bytes);
};

/// One set of counters a process; relaxed additions, exact once the workers have been joined.
WorkCounters& work_counters();

}  // namespace trady::kernels
