// dy[i] = mask bit i ? dy[i] : 0;  out[i] += x[i];  x[r][i] *= scale[rows[r]].
// Each element is read and written once: 8 bytes an element for apply_mask (and 1/8) and scale_rows
// (and 8 a row), 12 for add.
// Bit i of a mask is bit i % 8 of byte i / 8 (kernels/types.h).
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"
#include "kernels/cuda/mask_bits.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

// In the first two a thread has 4 elements; the last one may have fewer.

__global__ void __launch_bounds__(kFlatThreads) mask_gradient(float* dy,            // [elements]
                                                              const uint8_t* mask,  // [/ 8, up]
                                                              int64_t elements) {
  const int64_t first = 4 * flat_index();
  if (first >= elements) return;
  if (first + 4 <= elements) {
    store4(dy + first, masked4(mask, first, load4(dy + first)));
  } else {
    for (int64_t i = first; i < elements; ++i) {
      if (!mask_bit(mask, i)) dy[i] = 0;
    }
  }
}

__global__ void __launch_bounds__(kFlatThreads) add_to(const float* x,  // [elements]
                                                       int64_t elements,
                                                       float* out) {  // [elements]
  const int64_t first = 4 * flat_index();
  if (first + 4 <= elements) {
    const float4 a = load4(x + first);
    const float4 b = load4(out + first);
    store4(out + first, make_float4(b.x + a.x, b.y + a.y, b.z + a.z, b.w + a.w));
  } else {
    for (int64_t i = first; i < elements; ++i) out[i] += x[i];
  }
}

// A thread has one element: rows are those of packed gradients, of any length.
__global__ void __launch_bounds__(kFlatThreads)
    scale_each_row(float* x,  // [rows, columns]
                   int64_t elements, int64_t columns,
                   const int32_t* rows,  // [rows], or null: in order
                   const float* scale) {
  const int64_t i = flat_index();
  if (i >= elements) return;
  const int64_t row = i / columns;
  x[i] *= scale[rows != nullptr ? rows[row] : row];
}

int64_t threads_of_four(int64_t elements) {
  return (elements + 3) / 4;
}

}  // namespace

void apply_mask(float* dy, const uint8_t* mask, int64_t elements, cudaStream_t stream) {
  launch(flat_launch("apply_mask", threads_of_four(elements), stream), mask_gradient, dy, mask,
         elements);
}

void add(const float* x, int64_t elements, float* out, cudaStream_t stream) {
  launch(flat_launch("add", threads_of_four(elements), stream), add_to, x, elements, out);
}

void scale_rows(float* x, ChannelList rows, int64_t columns, const float* scale,
                cudaStream_t stream) {
  const int64_t elements = rows.count * columns;
  launch(flat_launch("scale_rows", elements, stream), scale_each_row, x, elements, columns,
         rows.index, scale);
}

}  // namespace trady::kernels::cuda
