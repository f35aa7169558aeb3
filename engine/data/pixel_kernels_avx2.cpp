// The pixel kernels for AVX2: three times as fast as the baseline, as compilers neither keep the
// sums in registers nor use the saturating packs. Without FMA, see pixel_kernels.h.
#include "engine/data/pixel_kernels.h"
#include "engine/data/pixel_loops.h"
#include "kernels/cpu/isa.h"

#ifdef __x86_64__

#include <immintrin.h>

namespace trady {
namespace {

// Functions carry the target, not the file: inline functions of the standard library that a file
// compiled for AVX2 emits would be picked up by the rest of the program.
#define TRADY_AVX2 [[gnu::target("avx2")]]
#define TRADY_AVX2_INLINE [[gnu::target("avx2"), gnu::always_inline]] inline

TRADY_AVX2_INLINE __m256i load_8_as_ints(const uint8_t* values) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values)));
}

/// Cut off to 0..255.
TRADY_AVX2_INLINE void store_16(__m256i first_8, __m256i last_8, uint8_t* out) {
  const __m256i lanes = _mm256_packs_epi32(first_8, last_8);
  const __m256i shorts = _mm256_permute4x64_epi64(lanes, 0b11011000);
  _mm_storeu_si128(
      reinterpret_cast<__m128i*>(out),
      _mm_packus_epi16(_mm256_castsi256_si128(shorts), _mm256_extracti128_si256(shorts, 1)));
}

TRADY_AVX2 void transpose_16x16(const uint8_t* in, int64_t in_stride, uint8_t* out,
                                int64_t out_stride) {
  pixel_loops::transpose_16x16(in, in_stride, out, out_stride);
}

TRADY_AVX2 void weighted_sum(const uint8_t* in, int64_t stride, const int32_t* weights,
                             int32_t count, int64_t bytes, uint8_t* out) {
  for (int64_t begin = 0; begin < bytes; begin += 48) {
    __m256i sums[6];
    for (__m256i& sum : sums) sum = _mm256_set1_epi32(kernels::kHalfWeight);
    for (int32_t t = 0; t < count; ++t) {
      const uint8_t* values = in + t * stride + begin;
      const __m256i weight = _mm256_set1_epi32(weights[t]);
      for (int i = 0; i < 6; ++i) {
        const __m256i product = _mm256_mullo_epi32(load_8_as_ints(values + 8 * i), weight);
        sums[i] = _mm256_add_epi32(sums[i], product);
      }
    }
    for (__m256i& sum : sums) sum = _mm256_srai_epi32(sum, kernels::kWeightFractionBits);
    for (int i = 0; i < 3; ++i) store_16(sums[2 * i], sums[2 * i + 1], out + begin + 16 * i);
  }
}

TRADY_AVX2 void interleave(const uint8_t* row, int64_t stride, int64_t width, uint8_t* out) {
  pixel_loops::interleave(row, stride, width, out);
}

TRADY_AVX2 int64_t sum_grey(const uint8_t* row, int64_t stride, int64_t width) {
  return pixel_loops::sum_grey(row, stride, width);
}

TRADY_AVX2_INLINE __m256i blend_8(__m256 base, __m256 factor, __m256i values) {
  const __m256 difference = _mm256_sub_ps(_mm256_cvtepi32_ps(values), base);
  return _mm256_cvttps_epi32(_mm256_add_ps(base, _mm256_mul_ps(factor, difference)));
}

TRADY_AVX2_INLINE void blend_16(const __m256 base[2], __m256 factor, uint8_t* values) {
  store_16(blend_8(base[0], factor, load_8_as_ints(values)),
           blend_8(base[1], factor, load_8_as_ints(values + 8)), values);
}

TRADY_AVX2 void blend_with_constant(float base, float factor, int64_t bytes, uint8_t* values) {
  const __m256 bases[2] = {_mm256_set1_ps(base), _mm256_set1_ps(base)};
  const __m256 factors = _mm256_set1_ps(factor);
  for (int64_t i = 0; i < bytes; i += 16) blend_16(bases, factors, values + i);
}

TRADY_AVX2_INLINE __m256 grey_of_8(const uint8_t* red, const uint8_t* green, const uint8_t* blue) {
  using namespace kernels;  // NOLINT(google-build-using-namespace): the luma's weights
  __m256i sum = _mm256_set1_epi32(kHalfGrey);
  sum =
      _mm256_add_epi32(sum, _mm256_mullo_epi32(load_8_as_ints(red), _mm256_set1_epi32(kRedWeight)));
  sum = _mm256_add_epi32(
      sum, _mm256_mullo_epi32(load_8_as_ints(green), _mm256_set1_epi32(kGreenWeight)));
  sum = _mm256_add_epi32(sum,
                         _mm256_mullo_epi32(load_8_as_ints(blue), _mm256_set1_epi32(kBlueWeight)));
  return _mm256_cvtepi32_ps(_mm256_srli_epi32(sum, 16));
}

TRADY_AVX2 void blend_with_grey(float factor, int64_t stride, int64_t width, uint8_t* row) {
  const __m256 factors = _mm256_set1_ps(factor);
  for (int64_t begin = 0; begin < width; begin += 16) {
    uint8_t* red = row + begin;
    uint8_t* green = red + stride;
    uint8_t* blue = green + stride;
    const __m256 grey[2] = {grey_of_8(red, green, blue), grey_of_8(red + 8, green + 8, blue + 8)};
    blend_16(grey, factors, red);
    blend_16(grey, factors, green);
    blend_16(grey, factors, blue);
  }
}

constexpr PixelKernels kAvx2{"avx2",   transpose_16x16,     weighted_sum,   interleave,
                             sum_grey, blend_with_constant, blend_with_grey};

}  // namespace

const PixelKernels* avx2_pixel_kernels() {
  return kernels::cpu::available_isa() >= kernels::cpu::Isa::avx2 ? &kAvx2 : nullptr;
}

}  // namespace trady

#else

namespace trady {
const PixelKernels* avx2_pixel_kernels() {
  return nullptr;
}
}  // namespace trady

#endif
