// Which taps of a kernel meet which input index, along one axis of a convolution.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/types.h"

namespace trady::kernels::cpu {

/// Outputs first, first + step, ... (`count` of them) that use the same taps, none of which falls
/// into the padding. Output t (0 <= t < count) sums over j < taps
///   tap first_tap + j * tap_step  times  input in_first + t * in_step + j.
/// `taps` may be 0: a sum of nothing.
struct AxisSegment {
  int64_t first = 0, step = 1, count = 0;
  int64_t taps = 0, first_tap = 0, tap_step = 1;
  int64_t in_first = 0, in_step = 1;
};

using AxisPlan = std::vector<AxisSegment>;

/// in = out * stride + tap - padding.
AxisPlan forward_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding);

/// The transpose: "outputs" are the convolution's inputs, "inputs" its outputs.
AxisPlan grad_input_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding);

}  // namespace trady::kernels::cpu
