#include "kernels/cpu/axis_plan.h"

namespace trady::kernels::cpu {

std::vector<AxisLine> forward_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                   int64_t padding) {
  AxisLine line;
  line.count = out;
  line.taps = kernel;
  line.in_first = -padding;
  line.in_step = stride;
  line.in_count = in;
  return {line};
}

std::vector<AxisLine> grad_input_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                      int64_t padding) {
  std::vector<AxisLine> lines;
  for (int64_t remainder = 0; remainder < stride && remainder < in; ++remainder) {
    AxisLine line;
    line.first = remainder;
    line.step = stride;
    line.count = (in - remainder + stride - 1) / stride;
    // index + padding - tap is a multiple of the stride for every stride-th tap; the largest such
    // tap meets the smallest input.
    const int64_t smallest_tap = (remainder + padding) % stride;
    line.taps = smallest_tap < kernel ? (kernel - 1 - smallest_tap) / stride + 1 : 0;
    line.first_tap = smallest_tap + (line.taps - 1) * stride;
    line.tap_step = -stride;
    line.in_first = (remainder + padding - line.first_tap) / stride;
    line.in_count = out;
    lines.push_back(line);
  }
  return lines;
}

}  // namespace trady::kernels::cpu
