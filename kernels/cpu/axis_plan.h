// Which taps of a kernel meet which input index, along one axis of a convolution.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/types.h"

namespace trady::kernels::cpu {

/// Outputs first, first + step, ... (`count` of them). Output t sums over j < taps
///   tap first_tap + j * tap_step  times  input in_first + t * in_step + j,
/// where an input outside of [0, in_count) lies in the padding and counts as zero.
struct AxisLine {
  int64_t first = 0, step = 1, count = 0;
  int64_t taps = 0, first_tap = 0, tap_step = 1;
  int64_t in_first = 0, in_step = 1, in_count = 0;

  /// The j of output t that meet an input: [begin, end), empty if begin >= end.
  struct Range {
    int64_t begin, end;
  };
  Range taps_inside(int64_t t) const {
    const int64_t start = in_first + t * in_step;
    return {start < 0 ? -start : 0, in_count - start < taps ? in_count - start : taps};
  }
};

/// in = out * stride + tap - padding: one line.
std::vector<AxisLine> forward_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                   int64_t padding);

/// The transpose, whose "outputs" are the convolution's inputs and "inputs" its outputs: a line for
/// each remainder of the index by the stride.
std::vector<AxisLine> grad_input_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                      int64_t padding);

}  // namespace trady::kernels::cpu
