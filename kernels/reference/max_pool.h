// Max pooling, and its gradient through the tap that won each window; contract in
// kernels/backend.h. `winner` counts taps row by row: kernel * ky + kx.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/backend.h"
#include "kernels/shape_check.h"

namespace trady::kernels::reference {

/// visit(window, tap, pixel) for every tap of every window that lies in the image; window and
/// pixel count positions of y and of x.
template <typename Visit>
void for_each_pool_tap(const MaxPoolShape& s, const Visit& visit) {
  int64_t window = 0;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t oy = 0; oy < s.out_h(); ++oy) {
      for (int64_t ox = 0; ox < s.out_w(); ++ox, ++window) {
        for (int64_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
          const int64_t iy = oy * s.stride - s.padding + tap / s.kernel;
          const int64_t ix = ox * s.stride - s.padding + tap % s.kernel;
          if (iy < 0 || iy >= s.in_h || ix < 0 || ix >= s.in_w) continue;
          visit(window, tap, (n * s.in_h + iy) * s.in_w + ix);
        }
      }
    }
  }
}

template <typename T>
void max_pool_forward(const MaxPoolShape& s,
                      const T* x,         // [N, H, W, C]
                      T* y,               // [N, H', W', C]
                      uint8_t* winner) {  // [N, H', W', C], or null
  check_shape(s);
  int64_t last_window = -1;
  for_each_pool_tap(s, [&](int64_t window, int64_t tap, int64_t pixel) {
    for (int64_t c = 0; c < s.channels; ++c) {
      const T value = x[pixel * s.channels + c];
      T& best = y[window * s.channels + c];
      const bool wins =
          window != last_window || value > best || (std::isnan(value) && !std::isnan(best));
      if (!wins) continue;
      best = value;
      if (winner) winner[window * s.channels + c] = static_cast<uint8_t>(tap);
    }
    last_window = window;
  });
}

template <typename T>
void max_pool_backward(const MaxPoolShape& s,
                       const T* dy,            // [N, H', W', C]
                       const uint8_t* winner,  // [N, H', W', C]
                       T* dx) {                // [N, H, W, C]
  check_shape(s);
  std::fill_n(dx, s.batch * s.in_h * s.in_w * s.channels, T(0));
  for_each_pool_tap(s, [&](int64_t window, int64_t tap, int64_t pixel) {
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t i = window * s.channels + c;
      if (winner[i] == tap) dx[pixel * s.channels + c] += dy[i];
    }
  });
}

}  // namespace trady::kernels::reference
