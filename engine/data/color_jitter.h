// Brightness, contrast and saturation, as torchvision's ColorJitter on a Pillow image.
#pragma once

#include <array>
#include <cstdint>

#include "engine/data/planar_image.h"

namespace trady {

enum class ColorChange : uint8_t { brightness, contrast, saturation };

struct ColorJitter {
  float brightness = 1, contrast = 1, saturation = 1;
  std::array<ColorChange, 3> order{ColorChange::brightness, ColorChange::contrast,
                                   ColorChange::saturation};
};

/// In place. Every change truncates to bytes before the next, as Pillow's ImageEnhance does:
/// value = base + factor * (value - base), base being black (brightness), the mean of the grey
/// image (contrast) or the pixel's grey (saturation).
void apply_color_jitter(const ColorJitter& jitter, PlanarImage& image);

}  // namespace trady
