#include "kernels/work_counters.h"

namespace trady::kernels {
namespace {

void raise(std::atomic<int64_t>& counter, int64_t by) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace

WorkTotals operator-(const WorkTotals& later, const WorkTotals& earlier) {
  return {.forward = later.forward - earlier.forward,
          .grad_input = later.grad_input - earlier.grad_input,
          .grad_weight = later.grad_weight - earlier.grad_weight,
          .forward_bytes = later.forward_bytes - earlier.forward_bytes,
          .grad_input_bytes = later.grad_input_bytes - earlier.grad_input_bytes,
          .grad_weight_bytes = later.grad_weight_bytes - earlier.grad_weight_bytes};
}

void WorkCounters::reset() {
  for (auto* counter : {&forward, &grad_input, &grad_weight, &forward_bytes, &grad_input_bytes,
                        &grad_weight_bytes}) {
    *counter = 0;
  }
}

WorkTotals WorkCounters::snapshot() const {
  return {.forward = forward,
          .grad_input = grad_input,
          .grad_weight = grad_weight,
          .forward_bytes = forward_bytes,
          .grad_input_bytes = grad_input_bytes,
          .grad_weight_bytes = grad_weight_bytes};
}

void WorkCounters::add(const WorkTotals& work) {
  count_forward(work.forward, work.forward_bytes);
  count_grad_input(work.grad_input, work.grad_input_bytes);
  count_grad_weight(work.grad_weight, work.grad_weight_bytes);
}

void WorkCounters::count_forward(int64_t multiply_adds, int64_t bytes) {
  raise(forward, multiply_adds);
  raise(forward_bytes, bytes);
}

void WorkCounters::count_grad_input(int64_t multiply_adds, int64_t bytes) {
  raise(grad_input, multiply_adds);
  raise(grad_input_bytes, bytes);
}

void WorkCounters::count_grad_weight(int64_t multiply_adds, int64_t bytes) {
  raise(grad_weight, multiply_adds);
  raise(grad_weight_bytes, bytes);
}

WorkCounters& work_counters() {
  static WorkCounters counters;
  return counters;
}

}  // namespace trady::kernels
