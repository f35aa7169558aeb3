// What the plain convolution loops share. Sums run in double for either element type, and are
// rounded once when they are stored.
#pragma once

#include <cstdint>

#include "kernels/types.h"

namespace trady::kernels::reference {

/// The input position that output position (n, oy, ox) reads through tap (ky, kx), counted in
/// pixels from the start of the batch; -1 where the tap lies in the padding.
inline int64_t input_position(const ConvShape& s, int64_t n, int64_t oy, int64_t ox, int64_t ky,
                              int64_t kx) {
  const int64_t iy = oy * s.stride - s.padding + ky;
  const int64_t ix = ox * s.stride - s.padding + kx;
  if (iy < 0 || iy >= s.in_h || ix < 0 || ix >= s.in_w) return -1;
  return (n * s.in_h + iy) * s.in_w + ix;
}

/// The inverse: the output position that reads input (n, iy, ix) through tap (ky, kx), or -1.
inline int64_t output_position(const ConvShape& s, int64_t n, int64_t iy, int64_t ix, int64_t ky,
                               int64_t kx) {
  const int64_t y = iy + s.padding - ky;
  const int64_t x = ix + s.padding - kx;
  if (y < 0 || x < 0 || y % s.stride != 0 || x % s.stride != 0) return -1;
  const int64_t oy = y / s.stride;
  const int64_t ox = x / s.stride;
  if (oy >= s.out_h() || ox >= s.out_w()) return -1;
  return (n * s.out_h() + oy) * s.out_w() + ox;
}

/// sum of a[i] * b[i]. Several partial sums, because the compiler vectorises them and may not
/// reorder a single one.
template <typename T>
double dot(const T* a, const T* b, int64_t count) {
  constexpr int64_t kPartials = 8;
  double partial[kPartials] = {};
  int64_t i = 0;
  for (; i + kPartials <= count; i += kPartials) {
    for (int64_t j = 0; j < kPartials; ++j) {
      partial[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
    }
  }
  double sum = 0;
  for (; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  for (const double p : partial) sum += p;
  return sum;
}

/// sums[i] += factor * x[i]
template <typename T>
void add_scaled(double factor, const T* x, int64_t count, double* sums) {
  for (int64_t i = 0; i < count; ++i) sums[i] += factor * static_cast<double>(x[i]);
}

}  // namespace trady::kernels::reference
