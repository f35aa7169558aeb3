#include "engine/data/color_jitter.h"

#include <algorithm>

namespace trady {
namespace {

/// base + factor * (value - base), cut off to a byte: in single precision, as Pillow's blend.
uint8_t blend(int base, int value, float factor) {
  const float blended = static_cast<float>(base) + factor * static_cast<float>(value - base);
  return static_cast<uint8_t>(std::clamp(blended, 0.0f, 255.0f));
}

/// ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L").
int grey_of(const uint8_t* pixel) {
  return (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16;
}

int mean_grey(int64_t pixel_count, const uint8_t* pixels) {
  int64_t sum = 0;
  for (int64_t p = 0; p < pixel_count; ++p) sum += grey_of(pixels + 3 * p);
  return static_cast<int>(static_cast<double>(sum) / static_cast<double>(pixel_count) + 0.5);
}

void blend_with_constant(int base, float factor, int64_t pixel_count, uint8_t* pixels) {
  for (int64_t i = 0; i < 3 * pixel_count; ++i) pixels[i] = blend(base, pixels[i], factor);
}

void blend_with_grey(float factor, int64_t pixel_count, uint8_t* pixels) {
  for (int64_t p = 0; p < pixel_count; ++p) {
    uint8_t* pixel = pixels + 3 * p;
    const int grey = grey_of(pixel);
    for (int c = 0; c < 3; ++c) pixel[c] = blend(grey, pixel[c], factor);
  }
}

}  // namespace

void apply_color_jitter(const ColorJitter& jitter, int64_t pixel_count, uint8_t* pixels) {
  for (const ColorChange change : jitter.order) {
    switch (change) {
      case ColorChange::brightness:
        blend_with_constant(0, jitter.brightness, pixel_count, pixels);
        break;
      case ColorChange::contrast:
        blend_with_constant(mean_grey(pixel_count, pixels), jitter.contrast, pixel_count, pixels);
        break;
      case ColorChange::saturation:
        blend_with_grey(jitter.saturation, pixel_count, pixels);
        break;
    }
  }
}

}  // namespace trady
