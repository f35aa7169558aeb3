#include "engine/data/orientation.h"

#include <algorithm>
#include <cstring>

namespace trady {
namespace {

constexpr int kChannels = 3;
/// Columns read row by row would miss the cache at every pixel of a large picture.
constexpr int kTile = 32;

/// Where the picture's first pixel is stored, and how far its neighbours are from it, in bytes.
struct Walk {
  const uint8_t* first;
  int64_t down, right;
};

Walk walk_of(const ImageView& stored, int orientation) {
  const bool rows_reversed =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool columns_reversed =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  int64_t row = stored.row_bytes, column = kChannels;
  const uint8_t* first = stored.pixels;
  if (rows_reversed) {
    first += (stored.height - 1) * row;
    row = -row;
  }
  if (columns_reversed) {
    first += (stored.width - 1) * column;
    column = -column;
  }
  const bool transposed = orientation >= 5;
  return transposed ? Walk{first, column, row} : Walk{first, row, column};
}

}  // namespace

Image upright(const ImageView& stored, int orientation) {
  const bool transposed = orientation >= 5;
  Image image(transposed ? stored.width : stored.height, transposed ? stored.height : stored.width);
  const Walk walk = walk_of(stored, orientation);
  const int64_t out_row_bytes = int64_t{kChannels} * image.width;
  if (walk.right == kChannels) {
    for (int y = 0; y < image.height; ++y) {
      std::memcpy(&image.pixels[y * out_row_bytes], walk.first + y * walk.down,
                  static_cast<size_t>(out_row_bytes));
    }
    return image;
  }
  for (int top = 0; top < image.height; top += kTile) {
    for (int left = 0; left < image.width; left += kTile) {
      const int bottom = std::min(top + kTile, image.height);
      const int end = std::min(left + kTile, image.width);
      for (int y = top; y < bottom; ++y) {
        const uint8_t* in = walk.first + y * walk.down + left * walk.right;
        uint8_t* out = &image.pixels[y * out_row_bytes + int64_t{kChannels} * left];
        for (int x = left; x < end; ++x, in += walk.right, out += kChannels) {
          std::memcpy(out, in, kChannels);
        }
      }
    }
  }
  return image;
}

}  // namespace trady
