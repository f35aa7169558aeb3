#include "engine/data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/data/pixel_kernels.h"
#include "kernels/pixel_arithmetic.h"

namespace trady {
namespace {

constexpr int kRowsAtOnce = 16;

/// The taps of an axis' outputs window_begin, ..., normalised in double, then rounded to fixed
/// point.
void make_taps(const kernels::ResizeAxis& axis, int window_begin, int window_size, ResizeTaps& taps,
               std::vector<double>& real_weights) {
  taps.stride = static_cast<int>(std::ceil(axis.support)) * 2 + 1;
  taps.first.resize(window_size);
  taps.tap_count.resize(window_size);
  taps.weights.resize(static_cast<size_t>(window_size) * taps.stride);
  real_weights.resize(taps.stride);
  for (int i = 0; i < window_size; ++i) {
    const kernels::ResizeTaps of_output = kernels::resize_taps(axis, window_begin + i);
    double sum = 0;
    for (int t = 0; t < of_output.count; ++t) {
      real_weights[t] = kernels::resize_weight(axis, of_output, t);
      sum += real_weights[t];
    }
    taps.first[i] = of_output.first;
    taps.tap_count[i] = of_output.count;
    int32_t* weights = &taps.weights[static_cast<size_t>(i) * taps.stride];
    for (int t = 0; t < of_output.count; ++t) {
      weights[t] = kernels::fixed_point_weight(real_weights[t], sum);
    }
  }
}

/// columns[i][r] = byte i of source row first_row + r, for 16 rows; beyond the last row it repeats.
void transpose_rows(const ImageView& source, int first_row, std::vector<uint8_t>& columns) {
  const PixelKernels& kernels = pixel_kernels();
  const int64_t row_bytes = int64_t{3} * source.width;
  columns.resize(static_cast<size_t>((row_bytes + 15) / 16 * 16 * kRowsAtOnce));
  const uint8_t* first = source.pixels + first_row * source.row_bytes;
  const int row_count = std::min(kRowsAtOnce, source.height - first_row);
  for (int64_t begin = 0; begin < row_bytes; begin += 16) {
    uint8_t* out = &columns[begin * kRowsAtOnce];
    const int64_t size = std::min<int64_t>(16, row_bytes - begin);
    if (row_count == kRowsAtOnce && size == 16) {
      kernels.transpose_16x16(first + begin, source.row_bytes, out, kRowsAtOnce);
      continue;
    }
    uint8_t block[kRowsAtOnce * 16] = {};  // reads nothing beyond the image
    for (int r = 0; r < kRowsAtOnce; ++r) {
      std::memcpy(block + 16 * r, first + std::min(r, row_count - 1) * source.row_bytes + begin,
                  static_cast<size_t>(size));
    }
    kernels.transpose_16x16(block, 16, out, kRowsAtOnce);
  }
}

/// rows: 16 rows of planes.  resized_columns: [stride * 3][16], of which [width * 3] are filled
void transpose_back(const std::vector<uint8_t>& resized_columns, int64_t stride, uint8_t* rows) {
  const PixelKernels& kernels = pixel_kernels();
  for (int64_t x = 0; x < stride; x += 16) {
    for (int64_t c = 0; c < 3; ++c) {
      kernels.transpose_16x16(&resized_columns[(3 * x + c) * kRowsAtOnce], 3 * kRowsAtOnce,
                              rows + c * stride + x, 3 * stride);
    }
  }
}

/// Source rows first_row to end_row, resized to the window's width, into scratch.rows. Done on 16
/// rows at once, transposed, so that the same pixel of 16 rows lies in one vector.
void resize_horizontally(const ImageView& source, int first_row, int end_row, bool flip,
                         ResizeScratch& scratch) {
  const PixelKernels& kernels = pixel_kernels();
  const ResizeTaps& taps = scratch.horizontal;
  const auto width = static_cast<int>(taps.first.size());
  constexpr int64_t kPixelBytes = 3 * kRowsAtOnce;
  scratch.rows.resize((end_row - first_row + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce, width);
  scratch.resized_columns.resize(static_cast<size_t>(scratch.rows.stride * kPixelBytes));
  for (int y = first_row; y < end_row; y += kRowsAtOnce) {
    transpose_rows(source, y, scratch.columns);
    for (int x = 0; x < width; ++x) {
      kernels.weighted_sum(&scratch.columns[taps.first[x] * kPixelBytes], kPixelBytes,
                           &taps.weights[static_cast<size_t>(x) * taps.stride], taps.tap_count[x],
                           kPixelBytes,
                           &scratch.resized_columns[(flip ? width - 1 - x : x) * kPixelBytes]);
    }
    transpose_back(scratch.resized_columns, scratch.rows.stride,
                   &scratch.rows.pixels[(y - first_row) * scratch.rows.row_bytes()]);
  }
}

template <typename T>
int64_t capacity_bytes(const std::vector<T>& items) {
  return static_cast<int64_t>(items.capacity() * sizeof(T));
}

}  // namespace

int64_t ResizeTaps::bytes() const {
  return capacity_bytes(first) + capacity_bytes(tap_count) + capacity_bytes(weights);
}

int64_t ResizeScratch::bytes() const {
  return horizontal.bytes() + vertical.bytes() + capacity_bytes(real_weights) +
         capacity_bytes(columns) + capacity_bytes(resized_columns) + capacity_bytes(rows.pixels);
}

void resize_bilinear(const ImageView& source, const SourceBox& box, const ResizeTarget& target,
                     ResizeScratch& scratch, PlanarImage& out) {
  make_taps(kernels::resize_axis(box.left, box.right, source.width, target.width),
            target.window_left, target.window_width, scratch.horizontal, scratch.real_weights);
  make_taps(kernels::resize_axis(box.top, box.bottom, source.height, target.height),
            target.window_top, target.window_height, scratch.vertical, scratch.real_weights);
  const ResizeTaps& taps = scratch.vertical;
  const int first_row = taps.first.front();
  resize_horizontally(source, first_row, taps.first.back() + taps.tap_count.back(), target.flip,
                      scratch);
  out.resize(target.window_height, target.window_width);
  const int64_t row_bytes = out.row_bytes();
  for (int y = 0; y < out.height; ++y) {
    pixel_kernels().weighted_sum(&scratch.rows.pixels[(taps.first[y] - first_row) * row_bytes],
                                 row_bytes, &taps.weights[static_cast<size_t>(y) * taps.stride],
                                 taps.tap_count[y], row_bytes, &out.pixels[y * row_bytes]);
  }
}

Image resize_bilinear(const ImageView& source, int height, int width) {
  ResizeScratch scratch;
  PlanarImage planar;
  resize_bilinear(source,
                  {0, 0, static_cast<double>(source.width), static_cast<double>(source.height)},
                  ResizeTarget::whole(height, width), scratch, planar);
  Image result(height, width);
  interleave(planar, result.pixels.data());
  return result;
}

}  // namespace trady
