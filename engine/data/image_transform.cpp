#include "engine/data/image_transform.h"

#include <algorithm>
#include <cstring>

#include "engine/data/color_jitter.h"

namespace trady {
namespace {

/// out[y][x] = square[y + shift_y][x + shift_x], black outside.  Both [size, size, 3].
void shift(const Image& square, int shift_y, int shift_x, uint8_t* out) {
  const int size = square.width;
  const int64_t row_bytes = int64_t{3} * size;
  std::memset(out, 0, size * row_bytes);
  const int first_x = std::max(0, -shift_x), end_x = std::min(size, size - shift_x);
  for (int y = std::max(0, -shift_y); y < std::min(size, size - shift_y); ++y) {
    std::memcpy(out + y * row_bytes + 3 * first_x,
                square.pixels.data() + (y + shift_y) * row_bytes + 3 * (first_x + shift_x),
                3 * static_cast<size_t>(end_x - first_x));
  }
}

}  // namespace

kernels::ImageTransform resize_only(int height, int width, int size) {
  kernels::ImageTransform transform;
  transform.height = height;
  transform.width = width;
  transform.target_height = size;
  transform.target_width = size;
  return transform;
}

void transform_image(const kernels::ImageTransform& transform, const ImageView& image, int size,
                     TransformScratch& scratch, uint8_t* out) {
  const SourceBox whole{0, 0, static_cast<double>(image.width), static_cast<double>(image.height)};
  const ResizeTarget target{.height = transform.target_height,
                            .width = transform.target_width,
                            .window_top = transform.window_top,
                            .window_left = transform.window_left,
                            .window_height = size,
                            .window_width = size,
                            .flip = transform.flip};
  resize_bilinear(image, whole, target, scratch.resize, scratch.square);
  if (transform.jitter) apply_color_jitter(transform.colors, scratch.square);
  if (transform.shift_y == 0 && transform.shift_x == 0) {
    interleave(scratch.square, out);
    return;
  }
  if (scratch.unshifted.width != size) scratch.unshifted = Image(size, size);
  interleave(scratch.square, scratch.unshifted.pixels.data());
  shift(scratch.unshifted, transform.shift_y, transform.shift_x, out);
}

}  // namespace trady
