// What image transforms compute with, the same bytes on every device: Pillow's arithmetic.
//
// Every operation is rounded by itself. So what calls this is compiled without contraction to fused
// multiply-adds: -ffp-contract=off where the machine has them, -fmad=false for nvcc. (constexpr:
// nvcc lets kernels call it.)
#pragma once

#include <cstdint>

namespace trady::kernels {

/// Resize weights are fixed point with this many fraction bits.
constexpr int kWeightFractionBits = 22;

/// One direction of a bilinear resize with antialiasing: around each output pixel's centre lies a
/// triangle of half-width `support`, cut off at the source's edges.
struct ResizeAxis {
  double begin = 0;            ///< of the part that is resized, in source pixels
  double scale = 1;            ///< source pixels an output pixel
  double support = 1;          ///< max(scale, 1)
  double inverse_support = 1;  ///< 1 / support
  int source_size = 1;         ///< pixels there are
};

/// begin..end of the source becomes output_size pixels.
constexpr ResizeAxis resize_axis(double begin, double end, int source_size, int output_size) {
  const double scale = (end - begin) / output_size;
  const double support = scale > 1 ? scale : 1;
  return {begin, scale, support, 1 / support, source_size};
}

/// An output pixel is the weighted mean of source pixels first, first + 1, ...
struct ResizeTaps {
  double center = 0;  ///< in source pixels
  int first = 0, count = 0;
};

constexpr ResizeTaps resize_taps(const ResizeAxis& axis, int output) {
  ResizeTaps taps;
  taps.center = axis.begin + (output + 0.5) * axis.scale;
  const int first = static_cast<int>(taps.center - axis.support + 0.5);
  const int end = static_cast<int>(taps.center + axis.support + 0.5);
  taps.first = first > 0 ? first : 0;
  taps.count = (end < axis.source_size ? end : axis.source_size) - taps.first;
  return taps;
}

/// Of source pixel first + tap, before all of an output's weights are divided by their sum (added
/// up in ascending order).
constexpr double resize_weight(const ResizeAxis& axis, const ResizeTaps& taps, int tap) {
  const double offset = (taps.first + tap - taps.center + 0.5) * axis.inverse_support;
  const double weight = 1 - (offset < 0 ? -offset : offset);
  return weight > 0 ? weight : 0;
}

constexpr int32_t fixed_point_weight(double weight, double sum_of_weights) {
  return static_cast<int32_t>(0.5 + weight / sum_of_weights * (1 << kWeightFractionBits));
}

/// A sum of bytes times fixed-point weights starts with this. Weights sum to about 1, so it stays
/// below 255 * (2^22 + the weights' rounding) + 2^21 < 2^31.
constexpr int32_t kHalfWeight = 1 << (kWeightFractionBits - 1);

constexpr uint8_t byte_of_weighted_sum(int32_t sum) {
  const int32_t rounded = sum >> kWeightFractionBits;
  return static_cast<uint8_t>(rounded < 255 ? rounded : 255);
}

/// ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L").
constexpr int32_t kRedWeight = 19595, kGreenWeight = 38470, kBlueWeight = 7471, kHalfGrey = 0x8000;
constexpr int32_t grey_of(int32_t red, int32_t green, int32_t blue) {
  return (red * kRedWeight + green * kGreenWeight + blue * kBlueWeight + kHalfGrey) >> 16;
}

/// base + factor * (value - base), cut off to 0..255 and truncated.
constexpr uint8_t blend(float base, float factor, uint8_t value) {
  const float blended = base + factor * (static_cast<float>(value) - base);
  const float limited = blended < 0.0F ? 0.0F : blended > 255.0F ? 255.0F : blended;
  return static_cast<uint8_t>(static_cast<int32_t>(limited));
}

/// Of an image's greys, whose sum is given; rounded to a whole grey.
constexpr float mean_grey(int64_t sum, int height, int width) {
  const double pixel_count = static_cast<double>(height) * width;
  return static_cast<float>(static_cast<int>(static_cast<double>(sum) / pixel_count + 0.5));
}

}  // namespace trady::kernels
