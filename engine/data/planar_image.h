// An image as rows of planes: what resize and colour jitter work on, since vectors want equal
// channels side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trady {

struct PlanarImage {
  int height = 0, width = 0;
  int64_t stride = 0;           ///< bytes of a plane's row: width rounded up to 16
  std::vector<uint8_t> pixels;  ///< [height][3][stride]; what lies beyond width is meaningless

  /// Keeps the capacity, so that an image can be reused without allocating.
  void resize(int image_height, int image_width) {
    height = image_height;
    width = image_width;
    stride = (int64_t{image_width} + 15) / 16 * 16;
    pixels.resize(static_cast<size_t>(image_height * 3 * stride));
  }
  int64_t row_bytes() const { return 3 * stride; }
};

/// interleaved: [height, width, 3]
void interleave(const PlanarImage& image, uint8_t* interleaved);

}  // namespace trady
