#include "kernels/cpu/axis_plan.h"

#include <algorithm>

namespace trady::kernels::cpu {
namespace {

/// Adds one more output to the last segment if that has the same taps, else opens a segment.
void append(AxisPlan& plan, bool phase_starts, const AxisSegment& one) {
  if (!phase_starts) {
    AxisSegment& last = plan.back();
    if (last.taps == one.taps && last.first_tap == one.first_tap &&
        last.in_first + last.count * last.in_step == one.in_first) {
      ++last.count;
      return;
    }
  }
  plan.push_back(one);
}

}  // namespace

AxisPlan forward_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  AxisPlan plan;
  for (int64_t o = 0; o < out; ++o) {
    const int64_t start = o * stride - padding;
    AxisSegment one;
    one.first = o;
    one.count = 1;
    one.first_tap = std::clamp<int64_t>(-start, 0, kernel);
    one.taps = std::max<int64_t>(0, std::min(kernel, in - start) - one.first_tap);
    one.in_first = start + one.first_tap;
    one.in_step = stride;
    append(plan, o == 0, one);
  }
  return plan;
}

AxisPlan grad_input_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  AxisPlan plan;
  for (int64_t phase = 0; phase < std::min(stride, in); ++phase) {
    for (int64_t i = phase; i < in; i += stride) {
      AxisSegment one;
      one.first = i;
      one.step = stride;
      one.count = 1;
      one.tap_step = -stride;
      // Ascending inputs are descending taps.
      for (int64_t tap = kernel - 1; tap >= 0; --tap) {
        const int64_t scaled = i + padding - tap;
        if (scaled < 0 || scaled % stride != 0 || scaled / stride >= out) continue;
        if (one.taps == 0) {
          one.first_tap = tap;
          one.in_first = scaled / stride;
        }
        ++one.taps;
      }
      append(plan, i == phase, one);
    }
  }
  return plan;
}

}  // namespace trady::kernels::cpu
