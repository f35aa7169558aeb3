// Pixels in memory: 8-bit RGB, interleaved, top row first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trady {

struct Image {
  int height = 0, width = 0;
  std::vector<uint8_t> pixels;  ///< [height, width, 3]

  Image() = default;
  Image(int image_height, int image_width)
      : height(image_height),
        width(image_width),
        pixels(static_cast<size_t>(image_height) * static_cast<size_t>(image_width) * 3) {}

  int64_t bytes() const { return static_cast<int64_t>(pixels.size()); }
};

/// A rectangle of somebody else's pixels. Cropping moves the pointer and copies nothing.
struct ImageView {
  const uint8_t* pixels = nullptr;  ///< first pixel; row r starts at pixels + r * row_bytes
  int height = 0, width = 0;
  int64_t row_bytes = 0;

  ImageView() = default;
  ImageView(const Image& image)  // NOLINT(google-explicit-constructor): a view of the whole image
      : pixels(image.pixels.data()),
        height(image.height),
        width(image.width),
        row_bytes(int64_t{3} * image.width) {}

  ImageView crop(int top, int left, int crop_height, int crop_width) const {
    ImageView part = *this;
    part.pixels += top * row_bytes + int64_t{3} * left;
    part.height = crop_height;
    part.width = crop_width;
    return part;
  }
};

}  // namespace trady
