#include "kernels.h"

__global__ void split_barrier(int* out, bool fault) {
  if (fault && threadIdx.x % 2 == 0) {
    out[threadIdx.x] = 1;
    __syncthreads();
  } else {
    out[threadIdx.x] = 2;
    __syncthreads();
  }
}

__global__ void leave_early(int* out, bool fault) {
  out[threadIdx.x] = 1;
  if (fault && threadIdx.x == 0) return;
  __syncthreads();
}

__global__ void warp_sum(const int* in, int* out, bool fault) {
  const unsigned mask = fault ? 0x0000ffffu : 0xffffffffu;
  int sum = in[threadIdx.x];
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(mask, sum, distance);
  if (threadIdx.x == 0) *out = sum;
}

__global__ void mixed_masks(int* out, bool fault) {
  const unsigned mask = fault && threadIdx.x == 1 ? 0x7u : 0xfu;
  out[threadIdx.x] = __shfl_sync(mask, static_cast<int>(threadIdx.x), 0);
}

__global__ void vote_after_exit(unsigned* out, bool fault) {
  if (threadIdx.x >= 8) return;
  out[threadIdx.x] = __ballot_sync(fault ? 0xffffffffu : 0xffu, threadIdx.x % 2);
}

__global__ void shuffle_from_outside(int* out, bool fault) {
  if (threadIdx.x < 16) {
    out[threadIdx.x] = __shfl_sync(0xffffu, static_cast<int>(threadIdx.x), fault ? 16 : 15);
  }
}

__global__ void warp_exchange(int* out, bool fault) {
  int* values = static_cast<int*>(cuda_on_host::shared_memory(32 * sizeof(int)));
  values[threadIdx.x] = 0;
  __syncthreads();
  // Everyone reads one word, then one lane overwrites it, in turns.
  int sum = 0;
  for (int turn = 0; turn < 4; ++turn) {
    sum += values[turn];
    if (!fault) __syncwarp();
    if (threadIdx.x == 7) values[turn] = 100;
    __syncwarp();
    sum += values[turn];
  }
  out[threadIdx.x] = sum;
}

__global__ void half_warps(int* out, bool fault) {
  int* values = static_cast<int*>(cuda_on_host::shared_memory(32 * sizeof(int)));
  const unsigned half = threadIdx.x / 16;
  const unsigned mask = half == 0 ? 0x0000ffffu : 0xffff0000u;
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncwarp(mask);
  const unsigned first = fault ? 0 : half * 16;
  int sum = 0;
  for (int i = 0; i < 16; ++i) sum += values[first + i];
  __syncwarp(mask);
  if (threadIdx.x % 16 == 3) values[half * 16] = sum;
  __syncwarp(mask);
  out[threadIdx.x] = values[half * 16];
}

__global__ void warp_results(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  constexpr unsigned all = 0xffffffffu;
  int* row = out + lane * 10;
  row[0] = __shfl_sync(all, lane, 5);
  row[1] = __shfl_sync(all, lane, 3, 8);
  row[2] = __shfl_up_sync(all, lane, 2);
  row[3] = __shfl_down_sync(all, lane, 2, 16);
  row[4] = __shfl_xor_sync(all, lane, 16);
  row[5] = static_cast<int>(__ballot_sync(all, lane % 3 == 0));
  row[6] = __any_sync(all, lane == 9) + 2 * __any_sync(all, 0);
  row[7] = __all_sync(all, lane < 32) + 2 * __all_sync(all, lane < 31);
  row[8] = static_cast<int>(__shfl_xor_sync(all, 0.5f * static_cast<float>(lane), 1) * 2);
  row[9] = static_cast<int>(__shfl_xor_sync(all, 0.5 * lane, 3) * 2);
}

__global__ void atomic_results(int* out) {
  const int i = static_cast<int>(threadIdx.x) - 8;
  atomicAdd(out, i);
  atomicMax(out + 1, i);
  atomicMin(out + 2, i);
  atomicOr(out + 3, 1 << (threadIdx.x % 16));
  atomicCAS(out + 4, 0, 7);
  atomicExch(out + 5, 9);
  atomicAdd(reinterpret_cast<unsigned long long*>(out + 6), 1ull << 31);
}

__global__ void visit(unsigned* counter, unsigned* order) {
  const unsigned place = atomicAdd(counter, 1u);
  order[place] = blockIdx.x * blockDim.x + threadIdx.x;
}
