// out[i] = random; out[i] = in[i]; sums[b] = the sum of a part; nothing. Bandwidth-bound, all of
// them: 4, 8 and 4 bytes an element.
#include "bench/cuda/machine_kernels.h"

#include "kernels/cuda/device/block_sum.cuh"
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/device/vector_access.cuh"

namespace trady::bench {
namespace {

using kernels::cuda::flat_index;
using kernels::cuda::flat_launch;
using kernels::cuda::kFlatThreads;
using kernels::cuda::launch;
using kernels::cuda::load4;
using kernels::cuda::store4;

// A thread an element. The finalizer of MurmurHash3 turns a counter into bits without a pattern.
__global__ void __launch_bounds__(kFlatThreads) random_floats(int64_t count, uint32_t seed,
                                                              float* out) {  // [count]
  const int64_t i = flat_index();
  if (i >= count) return;
  uint32_t bits = static_cast<uint32_t>(i) ^ static_cast<uint32_t>(i >> 32) ^ seed * 0x9e3779b9U;
  bits = (bits ^ bits >> 16) * 0x85ebca6bU;
  bits = (bits ^ bits >> 13) * 0xc2b2ae35U;
  bits ^= bits >> 16;
  out[i] = static_cast<float>(bits >> 8) * (1.0F / 8388608.0F) - 1.0F;
}

// A thread 4 elements.
__global__ void __launch_bounds__(kFlatThreads) copy_kernel(const float* in,  // [count]
                                                            int64_t count,
                                                            float* out) {  // [count]
  const int64_t first = 4 * flat_index();
  if (first < count) store4(out + first, load4(in + first));
}

struct ReaderSums {
  float at[kFlatThreads];
};

// A block a part; a thread every kFlatThreads-th group of 4, all loads before the first use.
__global__ void __launch_bounds__(kFlatThreads) read_kernel(const float* in,  // [count]
                                                            float* sums) {    // [parts]
  constexpr int kGroups = static_cast<int>(kFloatsOfReader) / (4 * kFlatThreads);
  const float* part = in + static_cast<int64_t>(blockIdx.x) * kFloatsOfReader;
  float4 groups[kGroups];
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    groups[g] = load4(part + 4 * (g * kFlatThreads + static_cast<int>(threadIdx.x)));
  }
  float sum = 0;
#pragma unroll
  for (int g = 0; g < kGroups; ++g) sum += groups[g].x + groups[g].y + groups[g].z + groups[g].w;
  auto& shared = kernels::cuda::shared_memory<ReaderSums>();
  sum = kernels::cuda::block_sum<kFlatThreads>(sum, shared.at);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void nothing() {}

cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

}  // namespace

void fill_random(float* out, int64_t count, uint32_t seed, void* stream) {
  launch(flat_launch("fill_random", count, stream_of(stream)), random_floats, count, seed, out);
}

void copy_floats(const float* in, int64_t count, float* out, void* stream) {
  launch(flat_launch("copy_floats", count / 4, stream_of(stream)), copy_kernel, in, count, out);
}

void read_floats(const float* in, int64_t count, float* sums, void* stream) {
  const auto parts = static_cast<unsigned>(count / kFloatsOfReader);
  launch({"read_floats", dim3(parts), dim3(kFlatThreads), sizeof(ReaderSums), stream_of(stream)},
         read_kernel, in, sums);
}

int64_t l2_cache_bytes() {
  int device = 0, bytes = 0;
  kernels::cuda::check(cudaGetDevice(&device), "asking for the GPU");
  kernels::cuda::check(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device),
                       "asking for the size of the L2 cache");
  return bytes;
}

void do_nothing(void* stream) {
  launch({"do_nothing", dim3(1), dim3(32), 0, stream_of(stream)}, nothing);
}

}  // namespace trady::bench
