#include "engine/data/pixel_kernels.h"

#include <algorithm>

#include "engine/data/pixel_loops.h"
#include "kernels/cpu/isa.h"
#include "kernels/pixel_arithmetic.h"

namespace trady {
namespace {

void transpose_16x16(const uint8_t* in, int64_t in_stride, uint8_t* out, int64_t out_stride) {
  pixel_loops::transpose_16x16(in, in_stride, out, out_stride);
}

void weighted_sum(const uint8_t* in, int64_t stride, const int32_t* weights, int32_t count,
                  int64_t bytes, uint8_t* out) {
  constexpr int kBlock = 48;
  for (int64_t begin = 0; begin < bytes; begin += kBlock) {
    int32_t sums[kBlock];
    std::fill_n(sums, kBlock, kernels::kHalfWeight);
    for (int32_t t = 0; t < count; ++t) {
      const uint8_t* values = in + t * stride + begin;
      for (int i = 0; i < kBlock; ++i) sums[i] += values[i] * weights[t];
    }
    for (int i = 0; i < kBlock; ++i) out[begin + i] = kernels::byte_of_weighted_sum(sums[i]);
  }
}

void interleave(const uint8_t* row, int64_t stride, int64_t width, uint8_t* out) {
  pixel_loops::interleave(row, stride, width, out);
}

int64_t sum_grey(const uint8_t* row, int64_t stride, int64_t width) {
  return pixel_loops::sum_grey(row, stride, width);
}

void blend_with_constant(float base, float factor, int64_t bytes, uint8_t* values) {
  for (int64_t i = 0; i < bytes; ++i) values[i] = kernels::blend(base, factor, values[i]);
}

void blend_with_grey(float factor, int64_t stride, int64_t width, uint8_t* row) {
  constexpr int kBlock = 16;
  for (int64_t begin = 0; begin < width; begin += kBlock) {
    uint8_t* red = row + begin;
    uint8_t* green = red + stride;
    uint8_t* blue = green + stride;
    float grey[kBlock];
    for (int i = 0; i < kBlock; ++i) {
      grey[i] = static_cast<float>(kernels::grey_of(red[i], green[i], blue[i]));
    }
    for (uint8_t* plane : {red, green, blue}) {
      for (int i = 0; i < kBlock; ++i) plane[i] = kernels::blend(grey[i], factor, plane[i]);
    }
  }
}

constexpr PixelKernels kBaseline{"baseline", transpose_16x16,     weighted_sum,   interleave,
                                 sum_grey,   blend_with_constant, blend_with_grey};

}  // namespace

const PixelKernels& baseline_pixel_kernels() {
  return kBaseline;
}

const PixelKernels& pixel_kernels() {
  using kernels::cpu::Isa;
  static const PixelKernels* const avx2 =
      kernels::cpu::active_isa() >= Isa::avx2 ? avx2_pixel_kernels() : nullptr;
  return avx2 ? *avx2 : kBaseline;
}

}  // namespace trady
