// What forward and grad_input of depthwise convolutions share: a thread makes a strip of kStrip
// neighbouring pixels of one row for 4 channels, so that a loaded pixel serves several of them; a
// block covers some channels and many strips, with the filters of its channels in shared memory.
#pragma once

#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/types.h"

namespace trady::kernels::cuda {

constexpr int kStrip = 4;
constexpr int kStripThreads = 256;
constexpr int kMostGroups = 8;  ///< groups of 4 channels of a block: 128 bytes of a pixel

/// Filters of a block, tap by tap, so that the lanes of a warp read neighbouring channels.
template <int K>
struct StripFilters {
  float at[K * K][4 * kMostGroups];
};

/// How blocks divide the work: thread t has group t % groups and strip t / groups of its block.
struct StripTiling {
  int channels;  ///< C
  int groups;    ///< groups of 4 channels of a block; even if C / 4 is, so that the two
                 ///< halves of a mask byte are neighbours in a warp
  int strips_per_row;
  int strips;  ///< of the whole batch
};

inline StripTiling make_strip_tiling(int64_t channels, int64_t rows, int64_t strips_per_row) {
  const int64_t all = channels / 4;
  const int64_t blocks = (all + kMostGroups - 1) / kMostGroups;
  int64_t groups = (all + blocks - 1) / blocks;  // no block much emptier than the others
  if (all % 2 == 0) groups += groups % 2;
  return {static_cast<int>(channels), static_cast<int>(groups), static_cast<int>(strips_per_row),
          static_cast<int>(rows * strips_per_row)};
}

template <int K>
Launch strip_launch(const char* name, const StripTiling& tiling, cudaStream_t stream) {
  const int strips = kStripThreads / tiling.groups;  // of a block
  const int groups = tiling.channels / 4;
  const dim3 grid(static_cast<unsigned>((tiling.strips + strips - 1) / strips),
                  static_cast<unsigned>((groups + tiling.groups - 1) / tiling.groups), 1);
  return {name, grid, dim3(kStripThreads, 1, 1), sizeof(StripFilters<K>), stream};
}

/// The strip and the channels of a thread.
struct StripPlace {
  int row, strip;       ///< row of the batch, strip within the row
  int channel;          ///< first of 4
  int channel_in_tile;  ///< the same, within the block's filters
  bool exists;          ///< false: the thread only takes part in barriers and shuffles

  __device__ explicit StripPlace(const StripTiling& t) {
    const int thread = static_cast<int>(threadIdx.x);
    const int strips = kStripThreads / t.groups;
    const int at = static_cast<int>(blockIdx.x) * strips + thread / t.groups;
    channel_in_tile = 4 * (thread % t.groups);
    channel = 4 * static_cast<int>(blockIdx.y) * t.groups + channel_in_tile;
    row = at / t.strips_per_row;
    strip = at % t.strips_per_row;
    exists = thread / t.groups < strips && at < t.strips && channel < t.channels;
  }
};

/// Fills the block's filters and waits for them.  w: [C, K, K]
template <int K>
__device__ __forceinline__ const StripFilters<K>& load_filters(const float* w,
                                                               const StripTiling& t) {
  auto& filters = shared_memory<StripFilters<K>>();
  const int first = 4 * static_cast<int>(blockIdx.y) * t.groups;
  const int left = t.channels - first;
  const int channels = left < 4 * t.groups ? left : 4 * t.groups;
  for (int i = static_cast<int>(threadIdx.x); i < channels * K * K; i += kStripThreads) {
    const int tap = i / channels;
    const int channel = i % channels;
    filters.at[tap][channel] = w[(first + channel) * K * K + tap];
  }
  __syncthreads();
  return filters;
}

/// sum += a * b, channel by channel
__device__ __forceinline__ void multiply_add(float4 a, float4 b, float4& sum) {
  sum.x = fmaf(a.x, b.x, sum.x);
  sum.y = fmaf(a.y, b.y, sum.y);
  sum.z = fmaf(a.z, b.z, sum.z);
  sum.w = fmaf(a.w, b.w, sum.w);
}

__device__ __forceinline__ float4 sum_of(float4 a, float4 b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

/// Whether there are kernels of their own for this kernel and stride; plain loops serve every one.
inline bool has_kernel_and_stride(const ConvShape& s) {
  return (s.kernel == 3 || s.kernel == 5 || s.kernel == 7) && s.stride <= 2;
}

/// Whether strips serve this shape.
inline bool suits_strips(const ConvShape& s) {
  return has_kernel_and_stride(s) && s.in_c % 4 == 0;
}

/// visit.template operator()<K, S>() for the kernel and stride of a shape that has them.
template <typename Visit>
void with_kernel_and_stride(const ConvShape& s, const Visit& visit) {
  const auto with_stride = [&]<int K>() {
    s.stride == 1 ? visit.template operator()<K, 1>() : visit.template operator()<K, 2>();
  };
  if (s.kernel == 3) with_stride.template operator()<3>();
  if (s.kernel == 5) with_stride.template operator()<5>();
  if (s.kernel == 7) with_stride.template operator()<7>();
}

}  // namespace trady::kernels::cuda
