#include "kernels/cpu/channel_gather.h"

#include <algorithm>
#include <stdexcept>

namespace trady::kernels::cpu {
namespace {

constexpr int64_t kFew = 8;

/// A count known at compile time keeps the indices in registers.
template <int kCount>
void gather_few(const float* x, int64_t x_step, int64_t positions, const int32_t* index, float* out,
                int64_t out_step) {
  int64_t at[kCount];
  for (int j = 0; j < kCount; ++j) at[j] = index[j];
  if (at[kCount - 1] - at[0] == kCount - 1) {  // a run: copied as a block
    x += at[0];
    for (int64_t p = 0; p < positions; ++p, x += x_step, out += out_step) {
      std::copy_n(x, kCount, out);
    }
    return;
  }
  for (int64_t p = 0; p < positions; ++p, x += x_step, out += out_step) {
    for (int j = 0; j < kCount; ++j) out[j] = x[at[j]];
  }
}

}  // namespace

void gather_strided(const float* x, int64_t x_step, int64_t positions, const int32_t* index,
                    int64_t count, float* out, int64_t out_step) {
  switch (count) {
    case 0:
      return;
    case 1:
      return gather_few<1>(x, x_step, positions, index, out, out_step);
    case 2:
      return gather_few<2>(x, x_step, positions, index, out, out_step);
    case 3:
      return gather_few<3>(x, x_step, positions, index, out, out_step);
    case 4:
      return gather_few<4>(x, x_step, positions, index, out, out_step);
    case 5:
      return gather_few<5>(x, x_step, positions, index, out, out_step);
    case 6:
      return gather_few<6>(x, x_step, positions, index, out, out_step);
    case 7:
      return gather_few<7>(x, x_step, positions, index, out, out_step);
    case kFew:
      return gather_few<kFew>(x, x_step, positions, index, out, out_step);
    default:
      throw std::invalid_argument("gather_strided takes at most 8 channels");
  }
}

void gather_channels(const float* x, int64_t positions, int64_t channel_count, ChannelList channels,
                     float* out) {
  const int64_t count = channels.count;
  if (count == 0 || positions == 0) return;
  if (count == channel_count) {
    std::copy_n(x, positions * channel_count, out);
    return;
  }
  if (count <= kFew) {
    gather_strided(x, channel_count, positions, channels.index, count, out, count);
    return;
  }
  const int32_t first = channels.index[0];
  const bool is_run = channels.index[count - 1] - first + 1 == count;
  for (int64_t p = 0; p < positions; ++p, x += channel_count, out += count) {
    if (is_run) {
      std::copy_n(x + first, count, out);
    } else {
      for (int64_t j = 0; j < count; ++j) out[j] = x[channels.index[j]];
    }
  }
}

}  // namespace trady::kernels::cpu
