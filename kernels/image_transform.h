// What is done with one decoded image until it is a network's input square of S x S pixels: the
// recipes of docs/method.md section 6, with all that chance decided. Computed by the host
// (engine/data/image_transform.h) or by a device (Backend::transform_images), to the same bytes.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

namespace trady::kernels {

enum class ColorChange : uint8_t { brightness, contrast, saturation };

/// Every change truncates to bytes before the next: pixel = base + factor * (pixel - base), base
/// being black (brightness), the mean of the square's greys (contrast) or the pixel's own grey
/// (saturation). kernels/pixel_arithmetic.h: blend, mean_grey, grey_of.
struct ColorJitter {
  float brightness = 1, contrast = 1, saturation = 1;  ///< factors
  std::array<ColorChange, 3> order{ColorChange::brightness, ColorChange::contrast,
                                   ColorChange::saturation};  ///< each of them once
};

/// In this order:
/// 1. The image is resized to target_height x target_width, bilinearly with antialiasing: first
///    horizontally, rounded to bytes, then vertically (kernels/pixel_arithmetic.h: weights). Of the
///    result the S x S pixels from (window_top, window_left) on are kept; they lie within it.
/// 2. They are mirrored left to right if `flip`.
/// 3. Their colours are changed if `jitter`.
/// 4. out[y][x] = square[y + shift_y][x + shift_x], black outside of the square. No recipe has both
///    a shift and `jitter`.
/// All sizes and places are in pixels.
struct ImageTransform {
  int64_t offset = 0;             ///< in bytes, of the image among those of its batch
  int32_t height = 0, width = 0;  ///< of the image, at least 1: [height, width, 3] bytes, dense
  int32_t target_height = 0, target_width = 0;
  int32_t window_top = 0, window_left = 0;
  int32_t shift_y = 0, shift_x = 0;  ///< -S to S
  ColorJitter colors;                ///< read only if `jitter`
  bool flip = false, jitter = false;
};
// Tables of them are copied to devices as bytes.
static_assert(std::is_trivially_copyable_v<ImageTransform>);

}  // namespace trady::kernels
