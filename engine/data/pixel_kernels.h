// The inner loops of resize and colour jitter, compiled for several instruction sets. All sets give
// the same bytes: sums are integers, and single-precision products are never fused with additions.
#pragma once

#include <cstdint>

namespace trady {

struct PixelKernels {
  const char* isa;

  /// out[c * out_stride + r] = in[r * in_stride + c] for r, c < 16.
  void (*transpose_16x16)(const uint8_t* in, int64_t in_stride, uint8_t* out, int64_t out_stride);
  /// out[i] = round(sum over t < count of in[t * stride + i] * weights[t]), i < bytes, a multiple
  /// of 48. Weights as kernels/pixel_arithmetic.h makes them.
  void (*weighted_sum)(const uint8_t* in, int64_t stride, const int32_t* weights, int32_t count,
                       int64_t bytes, uint8_t* out);
  /// Planes of one row: red at row, green at row + stride, blue at row + 2 * stride.
  void (*interleave)(const uint8_t* row, int64_t stride, int64_t width, uint8_t* out);
  /// Sum of the greys (kernels/pixel_arithmetic.h: grey_of).
  int64_t (*sum_grey)(const uint8_t* row, int64_t stride, int64_t width);
  /// values[i] = base + factor * (values[i] - base), cut off to 0..255 and truncated; `bytes` a
  /// multiple of 16.
  void (*blend_with_constant)(float base, float factor, int64_t bytes, uint8_t* values);
  /// The same in all planes of a row, base being the pixel's grey. `width` a multiple of 16.
  void (*blend_with_grey)(float factor, int64_t stride, int64_t width, uint8_t* row);
};

/// The best that this machine runs, or what TRADY_ISA lowers that to (kernels/cpu/isa.h).
const PixelKernels& pixel_kernels();
/// Plain loops: what every machine runs.
const PixelKernels& baseline_pixel_kernels();
/// Null where this machine has no AVX2.
const PixelKernels* avx2_pixel_kernels();

}  // namespace trady
