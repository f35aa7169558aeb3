// y[n, i, j, first_c + c] = x[n, stride * i, stride * j, c], zeros in the other channels; and the
// transpose of that.
#pragma once

#include <algorithm>

#include "kernels/backend.h"
#include "kernels/shape_check.h"

namespace trady::kernels::reference {

/// visit(output position, input position) for every pixel that passes.
template <typename Visit>
void for_each_shortcut_pixel(const ShortcutShape& s, const Visit& visit) {
  int64_t out = 0;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t i = 0; i < s.out_h(); ++i) {
      for (int64_t j = 0; j < s.out_w(); ++j) {
        visit(out++, (n * s.in_h + s.stride * i) * s.in_w + s.stride * j);
      }
    }
  }
}

template <typename T>
void shortcut_forward(const ShortcutShape& s,
                      const T* x,  // [N, H, W, C]
                      T* y) {      // [N, H', W', C']
  check_shape(s);
  std::fill_n(y, s.batch * s.out_h() * s.out_w() * s.out_c, T(0));
  for_each_shortcut_pixel(s, [&](int64_t out, int64_t in) {
    std::copy_n(x + in * s.in_c, s.in_c, y + out * s.out_c + s.first_c);
  });
}

template <typename T>
void shortcut_backward(const ShortcutShape& s,
                       const T* dy,  // [N, H', W', C']
                       T* dx,        // [N, H, W, C]
                       GradientMode mode) {
  check_shape(s);
  if (mode == GradientMode::overwrite) {
    std::fill_n(dx, s.batch * s.in_h * s.in_w * s.in_c, T(0));
  }
  for_each_shortcut_pixel(s, [&](int64_t out, int64_t in) {
    for (int64_t c = 0; c < s.in_c; ++c) dx[in * s.in_c + c] += dy[out * s.out_c + s.first_c + c];
  });
}

}  // namespace trady::kernels::reference
