#include "kernels/cpu/channel_gather.h"

#include <algorithm>

namespace trady::kernels::cpu {
namespace {

/// A count known at compile time keeps the indices in registers.
template <int kCount>
void gather_few(const float* x, int64_t positions, int64_t channel_count, const int32_t* index,
                float* out) {
  int64_t at[kCount];
  for (int j = 0; j < kCount; ++j) at[j] = index[j];
  for (int64_t p = 0; p < positions; ++p) {
    for (int j = 0; j < kCount; ++j) out[j] = x[at[j]];
    x += channel_count;
    out += kCount;
  }
}

}  // namespace

void gather_channels(const float* x, int64_t positions, int64_t channel_count, ChannelList channels,
                     float* out) {
  const int64_t count = channels.count;
  if (count == 0 || positions == 0) return;
  const int32_t first = channels.index[0];
  if (count == channel_count) {
    std::copy_n(x, positions * channel_count, out);
    return;
  }
  if (count > 8 && channels.index[count - 1] - first + 1 == count) {
    for (int64_t p = 0; p < positions; ++p) {
      std::copy_n(x + p * channel_count + first, count, out + p * count);
    }
    return;
  }
  switch (count) {
    case 1:
      return gather_few<1>(x, positions, channel_count, channels.index, out);
    case 2:
      return gather_few<2>(x, positions, channel_count, channels.index, out);
    case 3:
      return gather_few<3>(x, positions, channel_count, channels.index, out);
    case 4:
      return gather_few<4>(x, positions, channel_count, channels.index, out);
    case 5:
      return gather_few<5>(x, positions, channel_count, channels.index, out);
    case 6:
      return gather_few<6>(x, positions, channel_count, channels.index, out);
    case 7:
      return gather_few<7>(x, positions, channel_count, channels.index, out);
    case 8:
      return gather_few<8>(x, positions, channel_count, channels.index, out);
    default:
      break;
  }
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t j = 0; j < count; ++j) out[j] = x[channels.index[j]];
    x += channel_count;
    out += count;
  }
}

}  // namespace trady::kernels::cpu
