// Sizes of buffers inside of one scratch area.
#pragma once

#include <cstdint>

namespace trady::kernels::cpu {

constexpr int64_t kAlignmentBytes = 64;
/// Kernels may read (never use) up to one vector behind the last element of a padded buffer.
constexpr int64_t kVectorSlackFloats = 16;

constexpr int64_t aligned_floats(int64_t floats) {
  constexpr int64_t unit = kAlignmentBytes / 4;
  return (floats + unit - 1) / unit * unit;
}

/// One image's channels with `padding` zeros around, so that windows need no borders.
struct PaddedImage {
  int64_t rows = 0, cols = 0, channels = 0;
  int64_t row_floats() const { return cols * channels; }
  int64_t floats() const { return aligned_floats(rows * row_floats() + kVectorSlackFloats); }
};

/// Copies x [h][w][channels] to the middle of the padded image and zeros the frame.
void pad_image(const float* x, int64_t h, int64_t w, int64_t padding, const PaddedImage& image,
               float* padded);

}  // namespace trady::kernels::cpu
