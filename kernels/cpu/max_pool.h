// Max pooling and the shortcut without parameters on the CPU. Formulas and what may be null are
// those of the functions of the same name in kernels/backend.h.
#pragma once

#include "kernels/backend.h"

namespace trady::kernels::cpu {

/// x: [N, H, W, C], y and winner: [N, H', W', C]
void max_pool_forward(const MaxPoolShape& shape, const float* x, float* y, uint8_t* winner);
void max_pool_backward(const MaxPoolShape& shape, const float* dy, const uint8_t* winner,
                       float* dx);
/// x, dx: [N, H, W, C], y, dy: [N, H', W', C']
void shortcut_forward(const ShortcutShape& shape, const float* x, float* y);
void shortcut_backward(const ShortcutShape& shape, const float* dy, float* dx, GradientMode mode);

}  // namespace trady::kernels::cpu
