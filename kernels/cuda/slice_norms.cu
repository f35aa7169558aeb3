// norms[j] = L2 norm of slice j of a packed dw (docs/method.md section 1: n_c), in double, in a
// fixed order. Floor: dw read once, 4 bytes an element.
#include "kernels/cuda/device/block_sum.cuh"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/slices.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

constexpr int kColumns = 32;
constexpr int kRows = 8;
constexpr int kThreads = kColumns * kRows;

struct Shared {
  double sums[kThreads];
};

// Block b: slices 32 b on, which are columns of dw. A lane has a column, warp w rows w, w + 8, ...
__global__ void __launch_bounds__(kThreads) norms_of_columns(const float* dw,  // [rows, count]
                                                             int64_t rows, int64_t count,
                                                             double* norms) {  // [count]
  auto& shared = shared_memory<Shared>();
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kColumns + thread % kColumns;
  double sum = 0;
  if (column < count) {
    for (int64_t row = thread / kColumns; row < rows; row += kRows) {
      const auto value = static_cast<double>(dw[row * count + column]);
      sum += value * value;
    }
  }
  shared.sums[thread] = sum;
  __syncthreads();
  if (thread < kColumns && column < count) {
    for (int i = 1; i < kRows; ++i) sum += shared.sums[thread + i * kColumns];
    norms[column] = sqrt(sum);
  }
}

// Block b: slice b, which is a row of dw; a thread has every kThreads-th element.
__global__ void __launch_bounds__(kThreads) norms_of_rows(const float* dw,  // [count, elements]
                                                          int64_t elements,
                                                          double* norms) {  // [count]
  auto& shared = shared_memory<Shared>();
  const float* slice = dw + static_cast<int64_t>(blockIdx.x) * elements;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < elements; i += kThreads) {
    const auto value = static_cast<double>(slice[i]);
    sum += value * value;
  }
  sum = block_sum<kThreads>(sum, shared.sums);
  if (threadIdx.x == 0) norms[blockIdx.x] = sqrt(sum);
}

}  // namespace

void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const float* dw,
                 double* norms, cudaStream_t stream) {
  const SliceLayout layout(shape, kind, count);
  const int64_t blocks = layout.columns ? (count + kColumns - 1) / kColumns : count;
  const Launch how{"slice_norms", dim3(static_cast<unsigned>(blocks), 1, 1), dim3(kThreads, 1, 1),
                   sizeof(Shared), stream};
  if (layout.columns) {
    launch(how, norms_of_columns, dw, layout.slice_elements, count, norms);
  } else {
    launch(how, norms_of_rows, dw, layout.slice_elements, norms);
  }
}

}  // namespace trady::kernels::cuda
