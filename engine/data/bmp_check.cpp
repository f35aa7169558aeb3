#include "engine/data/bmp_check.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "engine/error.h"

namespace trady {
namespace {

constexpr const char* kRemedy = "; replace or remove the file";

// Byte positions, by [MS-WMF] 2.2.2.3 and 2.2.2.2; the sizes' widths differ in the older header.
constexpr size_t kPixelsAt = 10, kHeaderSizeAt = 14, kWidthAt = 18, kHeightAt = 22, kBitsAt = 28;
constexpr size_t kCompressionAt = 30;
constexpr int64_t kFileHeaderBytes = 14, kOs2HeaderBytes = 12;
constexpr std::array<int64_t, 4> kWindowsHeaderBytes{40, 56, 108, 124};
constexpr int64_t kUncompressed = 0, kBitFields = 3;
constexpr size_t kOs2WidthAt = 18, kOs2HeightAt = 20, kOs2BitsAt = 24;

int64_t little_endian(std::span<const uint8_t> file, size_t at, size_t bytes) {
  int64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= int64_t{file[at + i]} << (8 * i);
  return value;
}

struct Layout {
  int64_t width, height, bits;  ///< height of either sign
  int64_t pixels_at;            ///< in the file
  int64_t palette_at;           ///< after the header
  bool has_palette() const { return bits <= 8; }
  int64_t row_bytes() const { return (width * bits + 31) / 32 * 4; }
  int64_t file_bytes() const { return pixels_at + row_bytes() * std::abs(height); }
  int64_t colours() const { return (pixels_at - palette_at) / 4; }
};

Layout read_layout(std::span<const uint8_t> file, const std::string& name) {
  const auto require = [&](int64_t bytes) {
    if (static_cast<int64_t>(file.size()) < bytes) {
      fail(name, " is a truncated BMP: its header has ", bytes, " bytes, the file ", file.size(),
           kRemedy);
    }
  };
  require(kFileHeaderBytes + 4);
  const int64_t header_bytes = little_endian(file, kHeaderSizeAt, 4);
  require(kFileHeaderBytes + header_bytes);
  Layout layout{};
  layout.pixels_at = little_endian(file, kPixelsAt, 4);
  layout.palette_at = kFileHeaderBytes + header_bytes;
  if (header_bytes == kOs2HeaderBytes) {
    layout.width = little_endian(file, kOs2WidthAt, 2);
    layout.height = little_endian(file, kOs2HeightAt, 2);
    layout.bits = little_endian(file, kOs2BitsAt, 2);
    // stb_image miscounts its palette of three bytes a colour.
    if (layout.has_palette()) {
      fail(name, " is a BMP of OS/2 with a palette, which is not understood; convert it to PNG");
    }
  } else if (std::ranges::find(kWindowsHeaderBytes, header_bytes) != kWindowsHeaderBytes.end()) {
    layout.width = static_cast<int32_t>(little_endian(file, kWidthAt, 4));
    layout.height = static_cast<int32_t>(little_endian(file, kHeightAt, 4));
    layout.bits = little_endian(file, kBitsAt, 2);
    const int64_t compression = little_endian(file, kCompressionAt, 4);
    if (compression != kUncompressed && compression != kBitFields) {
      fail(name, " is a BMP with compressed pixels, which cannot be decoded; convert it to PNG");
    }
  } else {
    fail(name, " is a BMP with a header of ", header_bytes, " bytes, which is not understood; ",
         "convert it to PNG");
  }
  constexpr std::array<int64_t, 6> kBits{1, 4, 8, 16, 24, 32};
  if (std::ranges::find(kBits, layout.bits) == kBits.end()) {
    fail(name, " is a BMP of ", layout.bits, " bits a pixel, expected 1, 4, 8, 16, 24 or 32",
         kRemedy);
  }
  return layout;
}

void require_colours_in_palette(std::span<const uint8_t> file, const Layout& layout,
                                const std::string& name) {
  const int64_t mask = (int64_t{1} << layout.bits) - 1;
  if (layout.colours() > mask) return;
  for (int64_t y = 0; y < std::abs(layout.height); ++y) {
    const uint8_t* row = file.data() + layout.pixels_at + y * layout.row_bytes();
    for (int64_t x = 0; x < layout.width; ++x) {
      const int64_t bit = x * layout.bits;
      const int64_t colour = row[bit / 8] >> (8 - layout.bits - bit % 8) & mask;
      if (colour >= layout.colours()) {
        fail(name, " is corrupt: a pixel has colour ", colour, " of a palette of ",
             layout.colours(), kRemedy);
      }
    }
  }
}

}  // namespace

bool is_bmp(std::span<const uint8_t> file) {
  return file.size() >= 2 && file[0] == 'B' && file[1] == 'M';
}

FileFacts check_bmp(std::span<const uint8_t> file, const std::string& name, int64_t max_pixels) {
  const Layout layout = read_layout(file, name);
  require_picture_size(layout.width, std::abs(layout.height), max_pixels, name);
  constexpr int64_t kColourBytes = 4;
  if (layout.pixels_at < layout.palette_at + (layout.has_palette() ? kColourBytes : 0)) {
    fail(name, " is corrupt: its pixels begin at byte ", layout.pixels_at, ", within its header",
         kRemedy);
  }
  if (static_cast<int64_t>(file.size()) < layout.file_bytes()) {
    fail(name, " is a truncated BMP: its header promises ", layout.file_bytes(), " bytes, it has ",
         file.size(), kRemedy);
  }
  if (layout.has_palette()) require_colours_in_palette(file, layout, name);
  FileFacts facts;
  facts.width = layout.width;
  facts.height = std::abs(layout.height);
  return facts;
}

}  // namespace trady
