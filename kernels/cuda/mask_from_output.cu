// mask bit i = 0 < y[i] (< 6 for ReLU6), element i in bit i % 8 of byte i / 8.
// What the activation clipped to a corner is at the corner still, so y tells as much as the value
// before it. Floor: y read once, 4 bytes an element, and an eighth written.
#include "kernels/cuda/mask_from_output.h"

#include "kernels/cuda/device/activation.cuh"
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"

namespace trady::kernels::cuda {
namespace {

// A thread makes one byte of the mask.
__global__ void __launch_bounds__(kFlatThreads) make_mask(const float* y,  // [elements]
                                                          int64_t elements, Activation activation,
                                                          uint8_t* mask) {  // [elements / 8, up]
  const int64_t first = 8 * flat_index();
  if (first >= elements) return;
  unsigned bits = 0;
  if (first + 8 <= elements) {
    const float4 low = load4(y + first);
    const float4 high = load4(y + first + 4);
    const float values[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      bits |= (passes_gradient(values[i], activation) ? 1U : 0U) << i;
    }
  } else {
    for (int i = 0; first + i < elements; ++i) {
      bits |= (passes_gradient(y[first + i], activation) ? 1U : 0U) << i;
    }
  }
  mask[first / 8] = static_cast<uint8_t>(bits);
}

}  // namespace

void mask_from_output(const float* y, int64_t elements, Activation activation, uint8_t* mask,
                      cudaStream_t stream) {
  launch(flat_launch("mask_from_output", mask_bytes(elements), stream), make_mask, y, elements,
         activation, mask);
}

}  // namespace trady::kernels::cuda
