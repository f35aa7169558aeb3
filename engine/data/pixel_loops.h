// Loops that compilers vectorise well by themselves; inlined into functions of several targets.
#pragma once

#include <cstdint>

#include "kernels/pixel_arithmetic.h"

namespace trady::pixel_loops {

#define TRADY_INLINE [[gnu::always_inline]] inline

using Bytes16 = uint8_t __attribute__((vector_size(16), aligned(1)));

/// Four rounds of pairwise interleaving rows r and r + 8 transpose 16 x 16 bytes.
TRADY_INLINE void transpose_16x16(const uint8_t* in, int64_t in_stride, uint8_t* out,
                                  int64_t out_stride) {
  Bytes16 rows[16], mixed[16];
  for (int r = 0; r < 16; ++r) rows[r] = *reinterpret_cast<const Bytes16*>(in + r * in_stride);
  for (int round = 0; round < 4; ++round) {
    for (int r = 0; r < 8; ++r) {
      mixed[2 * r] = __builtin_shufflevector(rows[r], rows[r + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4,
                                             20, 5, 21, 6, 22, 7, 23);
      mixed[2 * r + 1] = __builtin_shufflevector(rows[r], rows[r + 8], 8, 24, 9, 25, 10, 26, 11, 27,
                                                 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int r = 0; r < 16; ++r) rows[r] = mixed[r];
  }
  for (int r = 0; r < 16; ++r) *reinterpret_cast<Bytes16*>(out + r * out_stride) = rows[r];
}

TRADY_INLINE void interleave(const uint8_t* row, int64_t stride, int64_t width, uint8_t* out) {
  for (int64_t x = 0; x < width; ++x) {
    out[3 * x] = row[x];
    out[3 * x + 1] = row[x + stride];
    out[3 * x + 2] = row[x + 2 * stride];
  }
}

TRADY_INLINE int64_t sum_grey(const uint8_t* row, int64_t stride, int64_t width) {
  int32_t sum = 0;  // rows are shorter than 2^23 pixels
  for (int64_t x = 0; x < width; ++x) {
    sum += kernels::grey_of(row[x], row[x + stride], row[x + 2 * stride]);
  }
  return sum;
}

#undef TRADY_INLINE

}  // namespace trady::pixel_loops
