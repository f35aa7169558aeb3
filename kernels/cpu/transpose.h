// Matrix transposition in blocks that stay in cache.
#pragma once

#include <cstdint>

namespace trady::kernels::cpu {

/// out [cols][rows] = transpose of x [rows][cols].
void transpose(const float* x, int64_t rows, int64_t cols, float* out);

}  // namespace trady::kernels::cpu
