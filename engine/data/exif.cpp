#include "engine/data/exif.h"

namespace trady {
namespace {

constexpr uint32_t kTiffMagic = 42, kOrientationTag = 0x0112, kShort = 3, kLong = 4;
constexpr uint32_t kMostOrientation = 8;
constexpr size_t kHeaderBytes = 8, kCountBytes = 2, kEntryBytes = 12;

/// Numbers in the byte order that the first two bytes name. Positions have been checked.
class TiffNumbers {
 public:
  explicit TiffNumbers(std::span<const uint8_t> tiff) : tiff_(tiff), big_endian_(tiff[0] == 'M') {}

  uint32_t two_bytes(size_t at) const { return number(at, 2); }
  uint32_t four_bytes(size_t at) const { return number(at, 4); }

 private:
  uint32_t number(size_t at, size_t bytes) const {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      value = value << 8 | tiff_[at + (big_endian_ ? i : bytes - 1 - i)];
    }
    return value;
  }

  std::span<const uint8_t> tiff_;
  bool big_endian_;
};

bool names_its_byte_order(std::span<const uint8_t> tiff) {
  return tiff.size() >= kHeaderBytes && tiff[0] == tiff[1] && (tiff[0] == 'I' || tiff[0] == 'M');
}

}  // namespace

int exif_orientation(std::span<const uint8_t> tiff) {
  if (!names_its_byte_order(tiff)) return kUpright;
  const TiffNumbers numbers(tiff);
  const size_t directory = numbers.four_bytes(4);
  if (numbers.two_bytes(2) != kTiffMagic || directory > tiff.size() - kCountBytes) return kUpright;
  const size_t claimed = numbers.two_bytes(directory), first = directory + kCountBytes;
  for (size_t i = 0; i < claimed && first + (i + 1) * kEntryBytes <= tiff.size(); ++i) {
    // An entry: tag, type, number of values, and the values where four bytes hold them.
    const size_t entry = first + i * kEntryBytes;
    if (numbers.two_bytes(entry) != kOrientationTag) continue;
    const uint32_t type = numbers.two_bytes(entry + 2);
    if ((type != kShort && type != kLong) || numbers.four_bytes(entry + 4) != 1) return kUpright;
    const uint32_t value =
        type == kShort ? numbers.two_bytes(entry + 8) : numbers.four_bytes(entry + 8);
    return value >= 1 && value <= kMostOrientation ? static_cast<int>(value) : kUpright;
  }
  return kUpright;
}

}  // namespace trady
