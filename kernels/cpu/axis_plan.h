// Which taps of a kernel meet which input index, along one axis of a convolution.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/types.h"

namespace trady::kernels::cpu {

/// One tap of a segment: position t reads input index `in_first + t * in_step` of its segment.
struct AxisTap {
  int64_t tap = 0;
  int64_t in_first = 0;
};

/// Outputs first, first + step, ... (`count` of them) that use the same taps, none of which falls
/// into the padding. `taps` may be empty: then the output is a sum of nothing.
struct AxisSegment {
  int64_t first = 0, step = 1, count = 0;
  int64_t in_step = 1;
  std::vector<AxisTap> taps;
};

using AxisPlan = std::vector<AxisSegment>;

/// in = out * stride + tap - padding.
AxisPlan forward_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding);

/// The transpose: "outputs" are the convolution's inputs, "inputs" its outputs.
AxisPlan grad_input_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding);

}  // namespace trady::kernels::cpu
