// w[slice] -= learning_rate * dw, in place, for the listed slices of a weight [C'][k][k][C] (or
// depthwise [C][k][k]) and nothing else; dw is packed as ConvGradWeight writes it.
// Floor: 12 bytes an element of dw, more where the listed input channels lie apart: then w moves in
// 32-byte sectors.
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/slices.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

// A thread updates one weight.
__global__ void __launch_bounds__(kFlatThreads)
    step_down(float* w,         // whole
              const float* dw,  // packed
              SliceLayout layout, int64_t packed,
              const int32_t* channels,  // [count]
              float learning_rate, const double* learning_rate_at) {
  const int64_t i = flat_index();
  if (i >= packed) return;
  const float rate = learning_rate_at ? static_cast<float>(*learning_rate_at) : learning_rate;
  w[layout.whole_index(i, channels)] -= rate * dw[i];
}

}  // namespace

void sgd(const ConvShape& shape, const SgdArgs& args, const double* learning_rate,
         cudaStream_t stream) {
  const SliceLayout layout(shape, args.kind, args.channels.count);
  const int64_t packed = layout.slice_elements * layout.count;
  launch(flat_launch("sgd", packed, stream), step_down, static_cast<float*>(args.w),
         static_cast<const float*>(args.dw), layout, packed, args.channels.index,
         static_cast<float>(args.learning_rate), learning_rate);
}

}  // namespace trady::kernels::cuda
