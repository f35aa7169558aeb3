// out[p][j] = x[p][channels[j]]: the slice of an activation that a weight gradient needs.
// Floor: 4 * positions * count bytes written, and of x the 32-byte sectors that hold the listed
// channels. Where the producer of x can pack in its epilogue (ConvForward::Buffers::save) this pass
// is saved.
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

// A thread moves one element; neighbouring threads have neighbouring j.
__global__ void __launch_bounds__(kFlatThreads) pack(const float* x,  // [P, C]
                                                     int64_t packed, int channel_count,
                                                     const int32_t* channels,  // [count]
                                                     int count,
                                                     float* out) {  // [P, count]
  const int64_t i = flat_index();
  if (i >= packed) return;
  const int64_t position = i / count;
  out[i] = x[position * channel_count + channels[i % count]];
}

}  // namespace

void pack_channels(const float* x, int64_t positions, int64_t channel_count, ChannelList channels,
                   float* out, cudaStream_t stream) {
  const int64_t packed = positions * channels.count;
  launch(flat_launch("pack_channels", packed, stream), pack, x, packed,
         static_cast<int>(channel_count), channels.index, static_cast<int>(channels.count), out);
}

}  // namespace trady::kernels::cuda
