// Slices of the weight gradient of dense convolutions, pointwise and k x k:
//   dw[o][ky][kx][j] = sum over images and positions (r, q) of
//                      dy[r][q][o] * x[r * stride + ky - padding][q * stride + kx - padding][j].
// For one kernel row ky this is a matrix product whose reduction runs over positions. Either
// operand can take the vector: dy's channels, when few input channels are wanted (a tile then reads
// dy once and broadcasts the x of its few columns; its result is transposed at the end), or x's
// (kx, j) pairs, when there are enough of them to fill vectors. Sums run over blocks of positions
// in ascending order; blocks depend on the shape and count alone.
#include <algorithm>

#include "kernels/cpu/buffer_layout.h"
#include "kernels/cpu/channel_gather.h"
#include "kernels/cpu/conv_passes.h"
#include "kernels/cpu/depthwise_grad_weight.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

/// Floats of x and dy that a block of positions may touch: a quarter of a usual second-level cache.
constexpr int64_t kBlockFloats = 32 * 1024;

/// Vectors, whole and partial, that `floats` columns take.
int64_t vector_steps(int64_t floats) {
  int64_t steps = 0;
  for (int64_t width = vector_kernels().vector_floats; width >= 4; width /= 2) {
    steps += floats / width;
    floats %= width;
  }
  return steps + floats;
}

/// The positions as the loops see them: a pointwise convolution is one long row.
struct Positions {
  int64_t images, rows, cols;
};

class DenseGradWeight final : public ConvGradWeight {
 public:
  DenseGradWeight(const ConvShape& s, SliceKind kind, int64_t count)
      : shape_(s),
        in_channels_(kind == SliceKind::input_channels ? count : s.in_c),
        out_channels_(kind == SliceKind::output_channels ? count : s.out_c),
        gathers_dy_(kind == SliceKind::output_channels && count < s.out_c),
        positions_(is_pointwise(s) ? Positions{1, 1, s.out_positions()}
                                   : Positions{s.batch, s.out_h(), s.out_w()}),
        padded_{s.in_h + 2 * s.padding, s.in_w + 2 * s.padding, in_channels_} {
    const int64_t window = s.kernel * in_channels_;
    const int64_t along_dy = window * vector_steps(out_channels_);
    const int64_t along_x = out_channels_ * vector_steps(window);
    // The transposition is about four operations for each of window x out_channels results.
    vector_along_dy_ = along_dy + 4 * window * out_channels_ / s.out_positions() < along_x;
    const int64_t block = std::max<int64_t>(16, kBlockFloats / (s.out_c + in_channels_));
    block_cols_ = is_pointwise(s) ? block : positions_.cols;
    block_rows_ = std::clamp<int64_t>(block / positions_.cols, 1, positions_.rows);
    padded_floats_ = s.padding > 0 ? padded_.floats() : 0;
    gathered_floats_ = gathers_dy_ ? aligned_floats(block_rows_ * block_cols_ * out_channels_) : 0;
    sums_floats_ = vector_along_dy_ ? aligned_floats(s.taps() * in_channels_ * out_channels_) : 0;
  }

  int64_t scratch_bytes() const override {
    return (padded_floats_ + gathered_floats_ + sums_floats_) * 4;
  }

  void run(const Buffers& buffers) const override {
    if (in_channels_ == 0 || out_channels_ == 0) return;
    const ConvShape& s = shape_;
    auto* padded = static_cast<float*>(buffers.scratch);
    float* gathered = padded + padded_floats_;
    float* sums = gathered + gathered_floats_;
    float* result = vector_along_dy_ ? sums : static_cast<float*>(buffers.dw);
    bool first = true;
    int64_t multiply_adds = 0;
    for (int64_t image = 0; image < positions_.images; ++image) {
      const float* x =
          static_cast<const float*>(buffers.x) + image * s.in_h * s.in_w * in_channels_;
      if (s.padding > 0) {
        pad_image(x, s.in_h, s.in_w, s.padding, padded_, padded);
        x = padded;
      }
      for (int64_t row = 0; row < positions_.rows; row += block_rows_) {
        for (int64_t col = 0; col < positions_.cols; col += block_cols_) {
          const int64_t rows = std::min(block_rows_, positions_.rows - row);
          const int64_t cols = std::min(block_cols_, positions_.cols - col);
          const int64_t position = (image * positions_.rows + row) * positions_.cols + col;
          const float* dy = static_cast<const float*>(buffers.dy) + position * s.out_c;
          if (gathers_dy_) {
            gather_channels(dy, rows * cols, s.out_c, buffers.channels, gathered);
            dy = gathered;
          }
          const float* window =
              x + row * s.stride * padded_.row_floats() + col * s.stride * in_channels_;
          multiply_adds += add_block(window, dy, rows, cols, first, result);
          first = false;
        }
      }
    }
    if (vector_along_dy_) {
      transpose(sums, s.taps() * in_channels_, out_channels_, static_cast<float*>(buffers.dw));
    }
    work_counters().grad_weight.fetch_add(multiply_adds, std::memory_order_relaxed);
  }

 private:
  /// Adds the block's share to `result`, [k * k * in][out] or [out][k * k * in]; the first block
  /// stores it. Returns its multiply-adds.
  int64_t add_block(const float* x, const float* dy, int64_t rows, int64_t cols, bool first,
                    float* result) const {
    const ConvShape& s = shape_;
    const int64_t window = s.kernel * in_channels_;
    const int64_t x_row = s.stride * padded_.row_floats();
    const int64_t x_col = s.stride * in_channels_;
    GemmArgs gemm;
    gemm.outer = rows;
    gemm.inner = cols;
    if (vector_along_dy_) {
      gemm.m = window;
      gemm.n = out_channels_;
      gemm.a_m = 1;
      gemm.a_outer = x_row;
      gemm.a_inner = x_col;
      gemm.b = dy;
      gemm.b_outer = cols * out_channels_;
      gemm.b_inner = out_channels_;
      gemm.c_m = out_channels_;
    } else {
      gemm.m = out_channels_;
      gemm.n = window;
      gemm.a = dy;
      gemm.a_m = 1;
      gemm.a_outer = cols * out_channels_;
      gemm.a_inner = out_channels_;
      gemm.b_outer = x_row;
      gemm.b_inner = x_col;
      gemm.c_m = s.kernel * window;
    }
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      const float* x_at = x + ky * padded_.row_floats();
      if (vector_along_dy_) {
        gemm.a = x_at;
        gemm.c = result + ky * window * out_channels_;
      } else {
        gemm.b = x_at;
        gemm.c = result + ky * window;
      }
      gemm.addend = first ? nullptr : gemm.c;
      vector_kernels().gemm(gemm);
    }
    return s.kernel * gemm.m * gemm.n * gemm.outer * gemm.inner;
  }

  ConvShape shape_;
  int64_t in_channels_, out_channels_;
  bool gathers_dy_;
  Positions positions_;
  PaddedImage padded_;
  bool vector_along_dy_ = false;
  int64_t block_rows_ = 1, block_cols_ = 1;
  int64_t padded_floats_ = 0, gathered_floats_ = 0, sums_floats_ = 0;
};

}  // namespace

std::unique_ptr<ConvGradWeight> make_sliced_grad_weight(const ConvShape& shape, SliceKind kind,
                                                        int64_t count) {
  if (shape.depthwise) return make_depthwise_grad_weight(shape, count);
  return std::make_unique<DenseGradWeight>(shape, kind, count);
}

}  // namespace trady::kernels::cpu
