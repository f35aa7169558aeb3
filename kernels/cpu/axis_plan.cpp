#include "kernels/cpu/axis_plan.h"

#include <algorithm>

namespace trady::kernels::cpu {
namespace {

/// Adds one more output to the last segment if that has the same taps, else opens a segment.
void append(AxisPlan& plan, bool phase_starts, int64_t output, int64_t step, int64_t in_step,
            std::vector<AxisTap> taps) {
  if (!phase_starts) {
    AxisSegment& last = plan.back();
    const auto continues = [&](const AxisTap& before, const AxisTap& now) {
      return before.tap == now.tap && before.in_first + last.count * in_step == now.in_first;
    };
    if (std::equal(last.taps.begin(), last.taps.end(), taps.begin(), taps.end(), continues)) {
      ++last.count;
      return;
    }
  }
  plan.push_back({output, step, 1, in_step, std::move(taps)});
}

}  // namespace

AxisPlan forward_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  AxisPlan plan;
  for (int64_t o = 0; o < out; ++o) {
    std::vector<AxisTap> taps;
    for (int64_t tap = 0; tap < kernel; ++tap) {
      const int64_t i = o * stride + tap - padding;
      if (i >= 0 && i < in) taps.push_back({tap, i});
    }
    append(plan, o == 0, o, 1, stride, std::move(taps));
  }
  return plan;
}

AxisPlan grad_input_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  AxisPlan plan;
  for (int64_t phase = 0; phase < std::min(stride, in); ++phase) {
    for (int64_t i = phase; i < in; i += stride) {
      std::vector<AxisTap> taps;
      for (int64_t tap = 0; tap < kernel; ++tap) {
        const int64_t scaled = i + padding - tap;
        if (scaled >= 0 && scaled % stride == 0 && scaled / stride < out) {
          taps.push_back({tap, scaled / stride});
        }
      }
      append(plan, i == phase, i, stride, 1, std::move(taps));
    }
  }
  return plan;
}

}  // namespace trady::kernels::cpu
