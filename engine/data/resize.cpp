#include "engine/data/resize.h"

#include <algorithm>
#include <cmath>

namespace trady {
namespace {

constexpr int kFractionBits = 22;
constexpr int32_t kHalf = 1 << (kFractionBits - 1);

/// The weighted sums are at most 255 * (2^22 + rounding) + 2^21 < 2^31.
uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

struct Range {
  double begin, end;  ///< of the source, in pixels
  int source_size;    ///< pixels there are
  int output_size;    ///< pixels that begin..end becomes
  int window_begin, window_size;
};

/// A triangle of half-width max(scale, 1) around each output pixel's centre, cut off at the
/// source's edges, normalised in double, then rounded to fixed point.
void make_taps(const Range& range, ResizeTaps& taps, std::vector<double>& real_weights) {
  const double scale = (range.end - range.begin) / range.output_size;
  const double support = std::max(scale, 1.0);
  taps.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.first.resize(range.window_size);
  taps.tap_count.resize(range.window_size);
  taps.weights.resize(static_cast<size_t>(range.window_size) * taps.stride);
  real_weights.resize(taps.stride);
  for (int i = 0; i < range.window_size; ++i) {
    const double center = range.begin + (range.window_begin + i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), range.source_size);
    double sum = 0;
    for (int t = 0; t < last - first; ++t) {
      const double distance = std::abs((first + t - center + 0.5) * (1 / support));
      real_weights[t] = std::max(1 - distance, 0.0);
      sum += real_weights[t];
    }
    taps.first[i] = first;
    taps.tap_count[i] = last - first;
    int32_t* weights = &taps.weights[static_cast<size_t>(i) * taps.stride];
    for (int t = 0; t < last - first; ++t) {
      weights[t] = static_cast<int32_t>(0.5 + real_weights[t] / sum * (1 << kFractionBits));
    }
  }
}

/// out[x] = sum of taps of one row.  row: [source width, 3], out: [outputs, 3]
void resize_row(const uint8_t* row, const ResizeTaps& taps, bool flip, uint8_t* out) {
  const auto outputs = static_cast<int64_t>(taps.first.size());
  for (int64_t x = 0; x < outputs; ++x) {
    const uint8_t* pixel = row + int64_t{3} * taps.first[x];
    const int32_t* weights = &taps.weights[x * taps.stride];
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int32_t t = 0; t < taps.tap_count[x]; ++t, pixel += 3) {
      red += pixel[0] * weights[t];
      green += pixel[1] * weights[t];
      blue += pixel[2] * weights[t];
    }
    uint8_t* target = out + 3 * (flip ? outputs - 1 - x : x);
    target[0] = to_byte(red);
    target[1] = to_byte(green);
    target[2] = to_byte(blue);
  }
}

/// out[i] = sum of `count` rows' i-th byte, weighted.  rows: [count, row_bytes]
void blend_rows(const uint8_t* rows, int64_t row_bytes, const int32_t* weights, int32_t count,
                uint8_t* out) {
  constexpr int64_t kBlock = 64;
  for (int64_t begin = 0; begin < row_bytes; begin += kBlock) {
    const int64_t size = std::min(kBlock, row_bytes - begin);
    int32_t sums[kBlock];
    std::fill_n(sums, size, kHalf);
    for (int32_t t = 0; t < count; ++t) {
      const uint8_t* row = rows + t * row_bytes + begin;
      for (int64_t i = 0; i < size; ++i) sums[i] += row[i] * weights[t];
    }
    for (int64_t i = 0; i < size; ++i) out[begin + i] = to_byte(sums[i]);
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
         capacity_bytes(rows);
}

void resize_bilinear(const ImageView& source, const SourceBox& box, const ResizeTarget& target,
                     ResizeScratch& scratch, uint8_t* out) {
  make_taps(
      {box.left, box.right, source.width, target.width, target.window_left, target.window_width},
      scratch.horizontal, scratch.real_weights);
  make_taps(
      {box.top, box.bottom, source.height, target.height, target.window_top, target.window_height},
      scratch.vertical, scratch.real_weights);
  const ResizeTaps& vertical = scratch.vertical;
  const int first_row = vertical.first.front();
  const int end_row = vertical.first.back() + vertical.tap_count.back();
  const int64_t row_bytes = int64_t{3} * target.window_width;
  scratch.rows.resize(static_cast<size_t>((end_row - first_row) * row_bytes));
  for (int y = first_row; y < end_row; ++y) {
    resize_row(source.pixels + y * source.row_bytes, scratch.horizontal, target.flip,
               &scratch.rows[(y - first_row) * row_bytes]);
  }
  for (int y = 0; y < target.window_height; ++y) {
    blend_rows(&scratch.rows[(vertical.first[y] - first_row) * row_bytes], row_bytes,
               &vertical.weights[static_cast<size_t>(y) * vertical.stride], vertical.tap_count[y],
               out + y * row_bytes);
  }
}

Image resize_bilinear(const ImageView& source, int height, int width) {
  Image result(height, width);
  ResizeScratch scratch;
  resize_bilinear(source,
                  {0, 0, static_cast<double>(source.width), static_cast<double>(source.height)},
                  ResizeTarget::whole(height, width), scratch, result.pixels.data());
  return result;
}

}  // namespace trady
