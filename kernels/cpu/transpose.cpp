#include "kernels/cpu/transpose.h"

#include <algorithm>

namespace trady::kernels::cpu {

void transpose(const float* x, int64_t rows, int64_t cols, float* out) {
  constexpr int64_t kBlock = 16;
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
    const int64_t r1 = std::min(rows, r0 + kBlock);
    for (int64_t c = 0; c < cols; ++c) {
      for (int64_t r = r0; r < r1; ++r) out[c * rows + r] = x[r * cols + c];
    }
  }
}

}  // namespace trady::kernels::cpu
