// Bilinear resize with antialiasing, as Pillow's Image.resize(size, BILINEAR, box): a horizontal
// pass rounded to bytes, then a vertical one. Bit-equal to Pillow, except where Pillow 13 goes
// vertically first (the height shrinks much more than the width): there within 1 grey level.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/image.h"
#include "engine/data/planar_image.h"

namespace trady {

/// Part of the source, in its pixels, fractions allowed. Pixels just outside of it may contribute.
struct SourceBox {
  double left = 0, top = 0, right = 0, bottom = 0;
};

/// The image is resized to height x width, of which only a window is computed and written.
struct ResizeTarget {
  int height = 0, width = 0;
  int window_top = 0, window_left = 0, window_height = 0, window_width = 0;
  bool flip = false;  ///< mirror the window left to right

  static ResizeTarget whole(int height, int width) { return {height, width, 0, 0, height, width}; }
};

/// Taps of one direction: output i = sum of tap_count[i] pixels from first[i] on, weighted.
struct ResizeTaps {
  std::vector<int32_t> first, tap_count;
  std::vector<int32_t> weights;  ///< [outputs, stride], fixed point with 22 fraction bits
  int stride = 0;

  int64_t bytes() const;
};

/// Buffers reused from call to call; they grow to what the largest call needed.
struct ResizeScratch {
  ResizeTaps horizontal, vertical;
  std::vector<double> real_weights;
  std::vector<uint8_t> columns;          ///< 16 source rows, transposed: [width * 3][16]
  std::vector<uint8_t> resized_columns;  ///< the same after the horizontal pass
  PlanarImage rows;                      ///< all rows after the horizontal pass

  int64_t bytes() const;
};

/// out becomes window_height x window_width. The box must lie within the source and be non-empty.
void resize_bilinear(const ImageView& source, const SourceBox& box, const ResizeTarget& target,
                     ResizeScratch& scratch, PlanarImage& out);

/// The whole image.
Image resize_bilinear(const ImageView& source, int height, int width);

}  // namespace trady
