// Decoded images to the network's input squares (kernels/image_transform.h), to the host's bytes:
// sums are integers, and nvcc compiles this file with -fmad=false, for kernels/pixel_arithmetic.h.
//
// Floor: every source byte read once, 3 S^2 bytes an image written. Neighbouring tiles share the
// source rows and columns at their border; the second reader finds them in the L2 cache. Nothing of
// an image is kept but the sum of greys of each tile, so images may be of any size.
#include "kernels/cuda/image_transform.h"

#include "kernels/cuda/device/block_sum.cuh"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/pixel_arithmetic.h"

namespace trady::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kTileColumns = 32;  // a lane is a column
constexpr int kTileRows = 16;
constexpr int kRowsPerWarp = kTileRows / kWarps;
constexpr int kSourceRows = kTileRows;  // between the two passes at once
constexpr int kTapsAtOnce = 16;         // of a column: enough for images 7 times as wide as S
constexpr int kPixelsPerThread = 4;     // where colours are changed
static_assert(kTileColumns * kTileRows == kRowsPerWarp * kThreads);
static_assert(kTileRows * kSourceRows == kThreads);

__host__ __device__ constexpr int tiles_across(int size) {
  return (size + kTileColumns - 1) / kTileColumns;
}
__host__ __device__ constexpr int tiles_of(int size) {
  return tiles_across(size) * ((size + kTileRows - 1) / kTileRows);
}
__host__ __device__ constexpr int color_blocks_of(int size) {
  return (size * size + kThreads * kPixelsPerThread - 1) / (kThreads * kPixelsPerThread);
}

/// Taps of one row or column of a tile; none of one that is black.
struct TileTaps {
  ResizeTaps taps;
  double weight_sum;
};

struct TileShared {
  ResizeAxis across, down;
  TileTaps columns[kTileColumns], rows[kTileRows];
  int32_t column_weights[kTapsAtOnce][kTileColumns];  // of some taps
  int32_t row_weights[kTileRows][kSourceRows];        // of some source rows, 0 where not a tap
  uint32_t source_rows[kSourceRows][kTileColumns];    // resized horizontally; red in the low byte
  int32_t greys[kThreads];
};

struct Sums {
  int32_t red = kHalfWeight, green = kHalfWeight, blue = kHalfWeight;

  __device__ __forceinline__ void add(int red_byte, int green_byte, int blue_byte, int32_t weight) {
    red += red_byte * weight;
    green += green_byte * weight;
    blue += blue_byte * weight;
  }
};

struct Pixel {
  uint8_t red, green, blue;
};

__device__ __forceinline__ Pixel pixel_of(const Sums& sums) {
  return {byte_of_weighted_sum(sums.red), byte_of_weighted_sum(sums.green),
          byte_of_weighted_sum(sums.blue)};
}

__device__ __forceinline__ Pixel blended(float base, float factor, Pixel p) {
  return {blend(base, factor, p.red), blend(base, factor, p.green), blend(base, factor, p.blue)};
}

__device__ __forceinline__ int grey_of(Pixel p) {
  return kernels::grey_of(p.red, p.green, p.blue);
}

/// mean: read for contrast alone
__device__ __forceinline__ Pixel changed(ColorChange change, const ColorJitter& colors, float mean,
                                         Pixel p) {
  if (change == ColorChange::brightness) return blended(0, colors.brightness, p);
  if (change == ColorChange::contrast) return blended(mean, colors.contrast, p);
  return blended(static_cast<float>(grey_of(p)), colors.saturation, p);
}

__device__ __forceinline__ TileTaps tile_taps(const ResizeAxis& axis, int output, bool black) {
  TileTaps result{};
  if (black) return result;
  result.taps = resize_taps(axis, output);
  for (int t = 0; t < result.taps.count; ++t) {
    result.weight_sum += resize_weight(axis, result.taps, t);
  }
  return result;
}

/// 0 where `tap` is none.
__device__ __forceinline__ int32_t tile_weight(const ResizeAxis& axis, const TileTaps& of,
                                               int tap) {
  if (tap < 0 || tap >= of.taps.count) return 0;
  return fixed_point_weight(resize_weight(axis, of.taps, tap), of.weight_sum);
}

/// Threads 0 to 31 find a column's taps, the next 16 a row's.
__device__ void find_taps(const ImageTransform& transform, int first_column, int first_row,
                          int size, TileShared& shared) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < kTileColumns) {
    const int x = first_column + i + transform.shift_x;
    const int source_x = transform.flip ? size - 1 - x : x;
    shared.columns[i] =
        tile_taps(shared.across, transform.window_left + source_x, x < 0 || x >= size);
  } else if (i < kTileColumns + kTileRows) {
    const int row = i - kTileColumns;
    const int y = first_row + row + transform.shift_y;
    shared.rows[row] = tile_taps(shared.down, transform.window_top + y, y < 0 || y >= size);
  }
}

/// Of taps first_tap, first_tap + 1, ... of each column.
__device__ void make_column_weights(int first_tap, TileShared& shared) {
  for (int i = static_cast<int>(threadIdx.x); i < kTapsAtOnce * kTileColumns; i += kThreads) {
    const int column = i % kTileColumns, tap = i / kTileColumns;
    shared.column_weights[tap][column] =
        tile_weight(shared.across, shared.columns[column], first_tap + tap);
  }
}

/// Of source rows `begin` on: a thread makes one.
__device__ void make_row_weights(int begin, TileShared& shared) {
  const int row = static_cast<int>(threadIdx.x) / kSourceRows;
  const int source = static_cast<int>(threadIdx.x) % kSourceRows;
  const TileTaps& of = shared.rows[row];
  shared.row_weights[row][source] = tile_weight(shared.down, of, begin + source - of.taps.first);
}

/// The horizontal pass of source rows `begin` to `end`, kSourceRows at most. Warp w makes rows w,
/// w + 8, ...; its lanes read neighbouring pixels, `scale` pixels apart.
__device__ void resize_horizontally(const uint8_t* image,  // [height, width, 3]
                                    int width, int begin, int end, TileShared& shared) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const ResizeTaps taps = shared.columns[lane].taps;
  const int most_taps = static_cast<int>(2 * shared.across.support) + 2;
  Sums sums[kRowsPerWarp];
  for (int first_tap = 0; first_tap < most_taps; first_tap += kTapsAtOnce) {
    if (most_taps > kTapsAtOnce) {  // else they were made once and for all
      __syncthreads();
      make_column_weights(first_tap, shared);
      __syncthreads();
    }
    const int count = min(kTapsAtOnce, taps.count - first_tap);
    for (int t = 0; t < count; ++t) {
      const int32_t weight = shared.column_weights[t][lane];
#pragma unroll
      for (int i = 0; i < kRowsPerWarp; ++i) {
        const int row = begin + warp + i * kWarps;
        if (row >= end) continue;
        const uint8_t* p =
            image + 3 * (static_cast<int64_t>(row) * width + taps.first + first_tap + t);
        sums[i].add(p[0], p[1], p[2], weight);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kRowsPerWarp; ++i) {
    const Pixel p = pixel_of(sums[i]);
    shared.source_rows[warp + i * kWarps][lane] =
        p.red | static_cast<uint32_t>(p.green) << 8 | static_cast<uint32_t>(p.blue) << 16;
  }
}

/// Adds source rows `begin` on, kSourceRows at most, to the rows of the tile that are this warp's.
__device__ void add_vertically(int begin, const TileShared& shared, Sums (&sums)[kRowsPerWarp]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
  for (int i = 0; i < kRowsPerWarp; ++i) {
    const int row = warp + i * kWarps;
    const ResizeTaps& taps = shared.rows[row].taps;
    const int from = max(taps.first - begin, 0);
    const int to = min(taps.first + taps.count - begin, kSourceRows);
    for (int source = from; source < to; ++source) {
      const uint32_t p = shared.source_rows[source][lane];
      sums[i].add(static_cast<int>(p & 0xFF), static_cast<int>(p >> 8 & 0xFF),
                  static_cast<int>(p >> 16), shared.row_weights[row][source]);
    }
  }
}

// A block makes a tile of 16 x 32 pixels, all but the changes of colour from contrast on; of images
// whose colours change also the tile's sum of greys. The horizontal pass runs kSourceRows ahead of
// the vertical one.
__global__ void __launch_bounds__(kThreads)
    resize_tiles(const uint8_t* images, const ImageTransform* transforms,  // [count]
                 int size,
                 uint8_t* pixels,       // [count, S, S, 3]
                 int32_t* grey_sums) {  // [count, tiles]
  auto& shared = shared_memory<TileShared>();
  const int64_t image = blockIdx.x / static_cast<unsigned>(tiles_of(size));
  const int tile = static_cast<int>(blockIdx.x % static_cast<unsigned>(tiles_of(size)));
  const int first_row = tile / tiles_across(size) * kTileRows;
  const int first_column = tile % tiles_across(size) * kTileColumns;
  const ImageTransform& transform = transforms[image];

  if (threadIdx.x == 0) {
    shared.across = resize_axis(0, transform.width, transform.width, transform.target_width);
    shared.down = resize_axis(0, transform.height, transform.height, transform.target_height);
  }
  __syncthreads();
  find_taps(transform, first_column, first_row, size, shared);
  __syncthreads();
  make_column_weights(0, shared);
  int source_begin = transform.height, source_end = 0;
  for (const TileTaps& row : shared.rows) {
    if (row.taps.count == 0) continue;
    source_begin = min(source_begin, row.taps.first);
    source_end = max(source_end, row.taps.first + row.taps.count);
  }

  Sums sums[kRowsPerWarp];
  for (int begin = source_begin; begin < source_end; begin += kSourceRows) {
    __syncthreads();
    make_row_weights(begin, shared);
    resize_horizontally(images + transform.offset, transform.width, begin,
                        min(begin + kSourceRows, source_end), shared);
    __syncthreads();
    add_vertically(begin, shared, sums);
  }

  int32_t grey_sum = 0;
  const int x = first_column + static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int i = 0; i < kRowsPerWarp; ++i) {
    const int y = first_row + static_cast<int>(threadIdx.x) / 32 + i * kWarps;
    if (x >= size || y >= size) continue;
    Pixel p = pixel_of(sums[i]);
    if (transform.jitter) {
      for (const ColorChange change : transform.colors.order) {
        if (change == ColorChange::contrast) break;
        p = changed(change, transform.colors, 0, p);
      }
      grey_sum += grey_of(p);
    }
    uint8_t* out = pixels + 3 * ((image * size + y) * size + x);
    out[0] = p.red;
    out[1] = p.green;
    out[2] = p.blue;
  }
  if (!transform.jitter) return;
  grey_sum = block_sum<kThreads>(grey_sum, shared.greys);
  if (threadIdx.x == 0) grey_sums[blockIdx.x] = grey_sum;
}

struct ColorShared {
  int64_t sums[kThreads];
};

// A block changes 1024 pixels of one image, in place: contrast and what comes after it.
__global__ void __launch_bounds__(kThreads)
    change_colors(const ImageTransform* transforms,  // [count]
                  const int32_t* grey_sums,          // [count, tiles]
                  int size, uint8_t* pixels) {       // [count, S, S, 3]
  auto& shared = shared_memory<ColorShared>();
  const auto blocks = static_cast<unsigned>(color_blocks_of(size));
  const int64_t image = blockIdx.x / blocks;
  const ImageTransform& transform = transforms[image];
  if (!transform.jitter) return;
  int64_t sum = 0;
  for (int tile = static_cast<int>(threadIdx.x); tile < tiles_of(size); tile += kThreads) {
    sum += grey_sums[image * tiles_of(size) + tile];
  }
  const float mean = mean_grey(block_sum<kThreads>(sum, shared.sums), size, size);
  const int first = static_cast<int>(blockIdx.x % blocks) * kThreads * kPixelsPerThread;
#pragma unroll
  for (int i = 0; i < kPixelsPerThread; ++i) {
    const int at = first + i * kThreads + static_cast<int>(threadIdx.x);
    if (at >= size * size) return;
    uint8_t* out = pixels + 3 * (image * size * size + at);
    Pixel p{out[0], out[1], out[2]};
    bool from_contrast_on = false;
    for (const ColorChange change : transform.colors.order) {
      from_contrast_on = from_contrast_on || change == ColorChange::contrast;
      if (from_contrast_on) p = changed(change, transform.colors, mean, p);
    }
    out[0] = p.red;
    out[1] = p.green;
    out[2] = p.blue;
  }
}

}  // namespace

int64_t image_scratch_bytes(int64_t count, int size) {
  return count * tiles_of(size) * int64_t{sizeof(int32_t)};
}

void transform_images(const ImageBuffers& buffers, int64_t count, int size, cudaStream_t stream) {
  auto* grey_sums = static_cast<int32_t*>(buffers.scratch);
  launch({"resize_tiles", dim3(static_cast<unsigned>(count * tiles_of(size)), 1, 1),
          dim3(kThreads, 1, 1), sizeof(TileShared), stream},
         resize_tiles, buffers.images, buffers.transforms, size, buffers.pixels, grey_sums);
  launch({"change_colors", dim3(static_cast<unsigned>(count * color_blocks_of(size)), 1, 1),
          dim3(kThreads, 1, 1), sizeof(ColorShared), stream},
         change_colors, buffers.transforms, grey_sums, size, buffers.pixels);
}

}  // namespace trady::kernels::cuda
