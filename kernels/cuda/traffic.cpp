#include "kernels/cuda/traffic.h"

#include <algorithm>

namespace trady::kernels::cuda {
namespace {

constexpr int64_t kFloatBytes = 4;
constexpr int64_t kIndexBytes = 4;  // of a channel or a slot

/// Pixels of a row (or column) of `in` that the windows of `out` outputs cover.
int64_t pixels_read(const ConvShape& s, int64_t in, int64_t out) {
  int64_t count = 0, covered = 0;
  for (int64_t o = 0; o < out; ++o) {
    const int64_t first = std::max(o * s.stride - s.padding, covered);
    const int64_t end = std::min(o * s.stride - s.padding + s.kernel, in);
    count += std::max<int64_t>(end - first, 0);
    covered = std::max(covered, end);
  }
  return count;
}

int64_t positions_read(const ConvShape& s) {
  return s.batch * pixels_read(s, s.in_h, s.out_h()) * pixels_read(s, s.in_w, s.out_w());
}

}  // namespace

int64_t forward_bytes(const ConvShape& s, const ForwardExtras& extras) {
  const int64_t y = s.out_elements();
  int64_t floats = positions_read(s) * s.in_c + s.weight_elements() + s.out_c + y;
  int64_t bytes = 0;
  if (extras.residual) floats += y;
  if (extras.mask) bytes += mask_bytes(y);
  if (extras.mask && extras.mask_from_output) floats += y;
  if (extras.saves) {
    floats += s.out_positions() * extras.saved_channels;
    bytes += s.out_c * kIndexBytes;
  }
  return floats * kFloatBytes + bytes;
}

int64_t grad_input_bytes(const ConvShape& s, GradientMode mode, bool masked) {
  const int64_t times = mode == GradientMode::accumulate ? 2 : 1;
  return (s.out_elements() + s.weight_elements() + times * s.in_elements()) * kFloatBytes +
         (masked ? mask_bytes(s.in_elements()) : 0);
}

int64_t grad_weight_bytes(const ConvShape& s, SliceKind kind, int64_t count,
                          int64_t partial_bytes) {
  if (count == 0) return 0;
  const bool outputs = kind == SliceKind::output_channels;
  const int64_t x_channels = s.depthwise || !outputs ? count : s.in_c;
  const int64_t dy_channels = s.depthwise || outputs ? count : s.out_c;
  const int64_t slice_weights = s.weight_elements() / (outputs ? s.out_c : s.in_c);
  const bool gathers = s.depthwise || (outputs && count < s.out_c);
  const int64_t floats =
      positions_read(s) * x_channels + s.out_positions() * dy_channels + count * slice_weights;
  return floats * kFloatBytes + (gathers ? count * kIndexBytes : 0) + 2 * partial_bytes;
}

}  // namespace trady::kernels::cuda
