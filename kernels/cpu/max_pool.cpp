#include "kernels/cpu/max_pool.h"

#include <algorithm>

#include "kernels/shape_check.h"

namespace trady::kernels::cpu {
namespace {

/// visit(window, tap, input pixel, whether it is the window's first) for the taps of all windows
/// that lie within the image, window by window.
template <typename Visit>
void for_each_tap(const MaxPoolShape& s, const Visit& visit) {
  int64_t window = 0;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t oy = 0; oy < s.out_h(); ++oy) {
      const int64_t top = oy * s.stride - s.padding;
      const int64_t first_row = std::max<int64_t>(0, -top);
      const int64_t rows = std::min(s.kernel, s.in_h - top);
      for (int64_t ox = 0; ox < s.out_w(); ++ox, ++window) {
        const int64_t left = ox * s.stride - s.padding;
        const int64_t first_column = std::max<int64_t>(0, -left);
        const int64_t columns = std::min(s.kernel, s.in_w - left);
        for (int64_t i = first_row; i < rows; ++i) {
          for (int64_t j = first_column; j < columns; ++j) {
            visit(window, i * s.kernel + j, (n * s.in_h + top + i) * s.in_w + left + j,
                  i == first_row && j == first_column);
          }
        }
      }
    }
  }
}

/// visit(output pixel, input pixel)
template <typename Visit>
void for_each_kept_pixel(const ShortcutShape& s, const Visit& visit) {
  int64_t out = 0;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t i = 0; i < s.out_h(); ++i) {
      for (int64_t j = 0; j < s.out_w(); ++j) {
        visit(out++, (n * s.in_h + s.stride * i) * s.in_w + s.stride * j);
      }
    }
  }
}

}  // namespace

void max_pool_forward(const MaxPoolShape& shape, const float* x, float* y, uint8_t* winner) {
  check_shape(shape);
  const int64_t channels = shape.channels;
  for_each_tap(shape, [&](int64_t window, int64_t tap, int64_t pixel, bool is_first) {
    const float* in = x + pixel * channels;
    float* best = y + window * channels;
    uint8_t* won = winner ? winner + window * channels : nullptr;
    const auto place = static_cast<uint8_t>(tap);
    if (is_first) {
      std::copy_n(in, channels, best);
      if (won) std::fill_n(won, channels, place);
      return;
    }
    for (int64_t c = 0; c < channels; ++c) {
      // Not (in <= best): a NaN wins over numbers, and nothing over a NaN.
      const bool wins = !(in[c] <= best[c]) && best[c] == best[c];
      best[c] = wins ? in[c] : best[c];
      if (won) won[c] = wins ? place : won[c];
    }
  });
}

void max_pool_backward(const MaxPoolShape& shape, const float* dy, const uint8_t* winner,
                       float* dx) {
  check_shape(shape);
  const int64_t channels = shape.channels;
  std::fill_n(dx, shape.batch * shape.in_h * shape.in_w * channels, 0.0f);
  for_each_tap(shape, [&](int64_t window, int64_t tap, int64_t pixel, bool) {
    const float* in = dy + window * channels;
    const uint8_t* won = winner + window * channels;
    float* out = dx + pixel * channels;
    for (int64_t c = 0; c < channels; ++c) out[c] += won[c] == tap ? in[c] : 0.0f;
  });
}

void shortcut_forward(const ShortcutShape& shape, const float* x, float* y) {
  check_shape(shape);
  std::fill_n(y, shape.batch * shape.out_h() * shape.out_w() * shape.out_c, 0.0f);
  for_each_kept_pixel(shape, [&](int64_t out, int64_t in) {
    std::copy_n(x + in * shape.in_c, shape.in_c, y + out * shape.out_c + shape.first_c);
  });
}

void shortcut_backward(const ShortcutShape& shape, const float* dy, float* dx, GradientMode mode) {
  check_shape(shape);
  if (mode == GradientMode::overwrite) {
    std::fill_n(dx, shape.batch * shape.in_h * shape.in_w * shape.in_c, 0.0f);
  }
  for_each_kept_pixel(shape, [&](int64_t out, int64_t in) {
    const float* from = dy + out * shape.out_c + shape.first_c;
    float* to = dx + in * shape.in_c;
    for (int64_t c = 0; c < shape.in_c; ++c) to[c] += from[c];
  });
}

}  // namespace trady::kernels::cpu
