// The geometry of a convolution or a pooling as kernels read it, and the maps between positions.
#pragma once

#include "kernels/cuda/device/runtime.cuh"
#include "kernels/types.h"

namespace trady::kernels::cuda {

/// ConvShape or MaxPoolShape in 32 bits: no activation of a training step has 2^31 elements.
struct Window {
  int in_h, in_w, out_h, out_w, kernel, stride, padding;

  template <typename Shape>
  explicit Window(const Shape& s)
      : in_h(static_cast<int>(s.in_h)),
        in_w(static_cast<int>(s.in_w)),
        out_h(static_cast<int>(s.out_h())),
        out_w(static_cast<int>(s.out_w())),
        kernel(static_cast<int>(s.kernel)),
        stride(static_cast<int>(s.stride)),
        padding(static_cast<int>(s.padding)) {}

  /// Every output position reads its own input position and no other.
  __host__ __device__ bool is_pointwise() const {
    return kernel == 1 && stride == 1 && padding == 0;
  }
};

/// Image, row and column of a position, flat over the batch.
struct Position {
  int image, y, x;

  __device__ Position(int flat, int height, int width)
      : image(flat / (height * width)), y(flat / width % height), x(flat % width) {}
};

/// The input position that `out` reads through tap (ky, kx), or -1 in the padding.
__device__ __forceinline__ int input_position(const Window& w, const Position& out, int ky,
                                              int kx) {
  const int y = out.y * w.stride - w.padding + ky;
  const int x = out.x * w.stride - w.padding + kx;
  return y >= 0 && y < w.in_h && x >= 0 && x < w.in_w ? (out.image * w.in_h + y) * w.in_w + x : -1;
}

/// The output position that reads `in` through tap (ky, kx), or -1.
__device__ __forceinline__ int output_position(const Window& w, const Position& in, int ky,
                                               int kx) {
  const int y = in.y + w.padding - ky;
  const int x = in.x + w.padding - kx;
  if (y < 0 || x < 0 || y % w.stride != 0 || x % w.stride != 0) return -1;
  const int oy = y / w.stride;
  const int ox = x / w.stride;
  return oy < w.out_h && ox < w.out_w ? (in.image * w.out_h + oy) * w.out_w + ox : -1;
}

}  // namespace trady::kernels::cuda
