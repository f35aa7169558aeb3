// *sum += sum of x[i]^2 in double, in an order that depends on the size alone: strided sums of a
// thread, threads of a block, blocks. Floor: x read once, 4 bytes an element; few elements, which
// most slices have, take one launch instead of two.
#include <algorithm>

#include "kernels/cuda/device/block_sum.cuh"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

constexpr int kThreads = 256;
/// Elements of a block, at least.
constexpr int64_t kBlockElements = 4 * kThreads;

struct Shared {
  double sums[kThreads];
};

/// Up to here one block is assumed to be faster than a second launch.
constexpr int64_t kOneBlockElements = 16 * kBlockElements;

// Block i adds elements i * block_elements on; a thread every kThreads-th of them.
__global__ void __launch_bounds__(kThreads)
    squares_of_block(const float* x,  // [elements]
                     int64_t elements, int64_t block_elements, bool accumulate,
                     double* sums) {  // [blocks]
  auto& shared = shared_memory<Shared>();
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * block_elements;
  const int64_t end = begin + block_elements < elements ? begin + block_elements : elements;
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const auto value = static_cast<double>(x[i]);
    sum += value * value;
  }
  sum = block_sum<kThreads>(sum, shared.sums);
  if (threadIdx.x == 0) sums[blockIdx.x] = accumulate ? sums[blockIdx.x] + sum : sum;
}

// One block; thread i has partial sum i, if there is one.
__global__ void __launch_bounds__(kThreads) sum_of_blocks(const double* partial_sums,  // [blocks]
                                                          int blocks, double* total) {
  auto& shared = shared_memory<Shared>();
  const int thread = static_cast<int>(threadIdx.x);
  const double sum = block_sum<kThreads>(thread < blocks ? partial_sums[thread] : 0.0, shared.sums);
  if (thread == 0) *total += sum;
}

}  // namespace

void add_squares(const float* x, int64_t elements, double* partial_sums, double* total,
                 cudaStream_t stream) {
  static_assert(kSumSquaresBlocks <= kThreads);
  if (elements == 0) return;
  const dim3 threads(kThreads, 1, 1);
  if (elements <= kOneBlockElements) {
    launch({"add_squares", dim3(1, 1, 1), threads, sizeof(Shared), stream}, squares_of_block, x,
           elements, elements, true, total);
    return;
  }
  const int64_t block_elements =
      std::max(kBlockElements, (elements + kSumSquaresBlocks - 1) / kSumSquaresBlocks);
  const int64_t blocks = (elements + block_elements - 1) / block_elements;
  launch(
      {"add_squares", dim3(static_cast<unsigned>(blocks), 1, 1), threads, sizeof(Shared), stream},
      squares_of_block, x, elements, block_elements, false, partial_sums);
  launch({"add_squares_of_blocks", dim3(1, 1, 1), threads, sizeof(Shared), stream}, sum_of_blocks,
         partial_sums, static_cast<int>(blocks), total);
}

}  // namespace trady::kernels::cuda
