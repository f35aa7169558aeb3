// Picking channels out of an NHWC array.
#pragma once

#include <cstdint>

#include "kernels/types.h"

namespace trady::kernels::cpu {

/// out[p][j] = x[p][channels.index[j]].  x: [positions, channel_count]
void gather_channels(const float* x, int64_t positions, int64_t channel_count, ChannelList channels,
                     float* out);

/// out[p * out_step + j] = x[p * x_step + index[j]] for j < count <= 8.
/// Behind the j-th float of an output position nothing is written.
void gather_strided(const float* x, int64_t x_step, int64_t positions, const int32_t* index,
                    int64_t count, float* out, int64_t out_step);

}  // namespace trady::kernels::cpu
