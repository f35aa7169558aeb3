#include "kernels/cpu/buffer_layout.h"

#include <algorithm>

namespace trady::kernels::cpu {

void pad_image(const float* x, int64_t h, int64_t w, int64_t padding, const PaddedImage& image,
               float* padded) {
  const int64_t row = image.row_floats();
  const int64_t left = padding * image.channels;
  const int64_t inner = w * image.channels;
  float* out = std::fill_n(padded, padding * row, 0.0f);
  for (int64_t y = 0; y < h; ++y) {
    out = std::fill_n(out, left, 0.0f);
    out = std::copy_n(x + y * inner, inner, out);
    out = std::fill_n(out, row - left - inner, 0.0f);
  }
  std::fill(out, padded + image.floats(), 0.0f);
}

}  // namespace trady::kernels::cpu
