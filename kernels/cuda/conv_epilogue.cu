// y[p, c] = activation(sums[p, c] + residual[p, c] + bias[c]), the mask's bits and the selected
// columns packed, all while y is written (PackedSave in kernels/backend.h).
// The residual comes first because that is where a matrix product with beta = 1 adds it, so that a
// residual in y and one elsewhere give the same bits.
// Floor: sums read and y written once, 8 bytes an element, the residual another 4, the mask 1/8,
// and 4 bytes an element that is packed.
#include "kernels/cuda/conv_epilogue.h"

#include "kernels/cuda/device/activation.cuh"
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"

namespace trady::kernels::cuda {
namespace {

struct Args {
  const float* sums;      // [positions, columns]; may be y
  const float* bias;      // [columns] or null
  const float* residual;  // [positions, columns] or null; may be y
  float* y;               // [positions, columns], or null: it is sums, and complete
  uint8_t* mask;          // bits in flat order, or null
  PackedSave save;        // slot [columns], out [positions, count]
  int elements, columns;
  Activation activation;

  /// Element `at`, of column `column`, from its sum with the residual; its bit of the mask.
  __device__ __forceinline__ unsigned finish(int at, int column, float& value) const {
    if (bias != nullptr) value += bias[column];
    const unsigned bit = passes_gradient(value, activation) ? 1 : 0;
    value = activate(value, activation);
    if (save.slot != nullptr && save.slot[column] >= 0) {
      static_cast<float*>(save.out)[at / columns * save.count + save.slot[column]] = value;
    }
    return bit;
  }
};

// A thread has 4 elements in flat order, the last one fewer; two neighbours have a byte of the
// mask, and the even one stores it.
__global__ void __launch_bounds__(kFlatThreads) finish_conv(Args a) {
  const int64_t first_item = 4 * flat_index();
  const bool exists = first_item < a.elements;
  unsigned bits = 0;
  if (exists) {
    const int first = static_cast<int>(first_item);
    int column = first % a.columns;
    const int count = a.elements - first < 4 ? a.elements - first : 4;
    float v[4] = {};
    if (count == 4) {
      const float4 sums = load4(a.sums + first);
      v[0] = sums.x, v[1] = sums.y, v[2] = sums.z, v[3] = sums.w;
      if (a.residual != nullptr) {
        const float4 residual = load4(a.residual + first);
        v[0] += residual.x, v[1] += residual.y, v[2] += residual.z, v[3] += residual.w;
      }
    } else {
      for (int i = 0; i < count; ++i) {
        v[i] = a.sums[first + i];
        if (a.residual != nullptr) v[i] += a.residual[first + i];
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i < count) bits |= a.finish(first + i, column, v[i]) << i;
      if (++column == a.columns) column = 0;
    }
    if (a.y != nullptr && count == 4) {
      store4(a.y + first, make_float4(v[0], v[1], v[2], v[3]));
    } else if (a.y != nullptr) {
      for (int i = 0; i < count; ++i) a.y[first + i] = v[i];
    }
  }
  if (a.mask != nullptr) {
    const unsigned next = __shfl_down_sync(0xFFFFFFFFU, bits, 1);
    if (exists && first_item % 8 == 0) {
      a.mask[first_item / 8] = static_cast<uint8_t>(bits | next << 4);
    }
  }
}

}  // namespace

void conv_epilogue(const ConvEpilogue& e, cudaStream_t stream) {
  const bool changes = e.bias != nullptr || e.residual != nullptr ||
                       e.activation != Activation::none || e.sums != e.y;
  if (!changes && e.mask == nullptr && e.save.slot == nullptr) return;
  const int64_t elements = e.positions * e.columns;
  const Args args{e.sums,
                  e.bias,
                  e.residual,
                  changes ? e.y : nullptr,
                  e.mask,
                  e.save,
                  static_cast<int>(elements),
                  static_cast<int>(e.columns),
                  e.activation};
  launch(flat_launch("conv_epilogue", (elements + 3) / 4, stream), finish_conv, args);
}

}  // namespace trady::kernels::cuda
