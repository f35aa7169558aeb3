// Picking channels out of an NHWC array.
#pragma once

#include <cstdint>

#include "kernels/types.h"

namespace trady::kernels::cpu {

/// out[p][j] = x[p][channels.index[j]].  x: [positions, channel_count]
void gather_channels(const float* x, int64_t positions, int64_t channel_count, ChannelList channels,
                     float* out);

}  // namespace trady::kernels::cpu
