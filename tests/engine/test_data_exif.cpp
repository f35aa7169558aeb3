// Which way up EXIF data says that a picture is: good data, odd data and data that lies.
#include <catch2/catch.hpp>

#include "engine/data/exif.h"
#include "engine/data/image_file.h"
#include "engine/data/orientation.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

constexpr uint32_t kByte = 1, kShort = 3, kLong = 4;

/// EXIF data in either byte order, entry by entry.
class Tiff {
 public:
  explicit Tiff(bool big_endian, uint32_t magic = 42, uint32_t directory = 8)
      : big_endian_(big_endian), bytes_(2, big_endian ? 'M' : 'I') {
    put(magic, 2);
    put(directory, 4);
  }

  Tiff& count(uint32_t entries) { return put(entries, 2); }
  /// A value of type SHORT lies in the first two of the entry's four bytes, whatever their order.
  Tiff& entry(uint32_t tag, uint32_t type, uint32_t values, uint32_t value) {
    put(tag, 2).put(type, 2).put(values, 4);
    return type == kShort ? put(value, 2).put(0, 2) : put(value, 4);
  }
  const Bytes& bytes() const { return bytes_; }
  int orientation() const { return exif_orientation(bytes_); }

 private:
  Tiff& put(uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      const int shift = 8 * (big_endian_ ? bytes - 1 - i : i);
      bytes_.push_back(static_cast<uint8_t>(value >> shift));
    }
    return *this;
  }

  bool big_endian_;
  Bytes bytes_;
};

constexpr uint32_t kTag = 0x0112;

/// `jpeg` with EXIF data right after its first marker.
Bytes with_exif(const Bytes& jpeg, const Bytes& tiff) {
  Bytes file = prefix(jpeg, 2);
  const size_t length = 2 + 6 + tiff.size();
  file.insert(file.end(), {0xFF, 0xE1, static_cast<uint8_t>(length >> 8),
                           static_cast<uint8_t>(length), 'E', 'x', 'i', 'f', 0, 0});
  file.insert(file.end(), tiff.begin(), tiff.end());
  file.insert(file.end(), jpeg.begin() + 2, jpeg.end());
  return file;
}

}  // namespace

TEST_CASE("The orientation is found in both byte orders, among other entries", "[data]") {
  for (const bool big_endian : {false, true}) {
    for (int value = 1; value <= 8; ++value) {
      CAPTURE(big_endian, value);
      const auto number = static_cast<uint32_t>(value);
      CHECK(Tiff(big_endian).count(1).entry(kTag, kShort, 1, number).orientation() == value);
      CHECK(Tiff(big_endian).count(1).entry(kTag, kLong, 1, number).orientation() == value);
      CHECK(Tiff(big_endian)
                .count(3)
                .entry(0x010F, 2, 4, 0x41424300)
                .entry(kTag, kShort, 1, number)
                .entry(0x8769, kLong, 1, 50)
                .orientation() == value);
    }
  }
}

TEST_CASE("EXIF data that makes no sense leaves a picture as it is", "[data]") {
  for (const bool big_endian : {false, true}) {
    CAPTURE(big_endian);
    const auto one = [&](uint32_t type, uint32_t values, uint32_t value) {
      return Tiff(big_endian).count(1).entry(kTag, type, values, value).orientation();
    };
    CHECK(one(kShort, 1, 0) == kUpright);
    CHECK(one(kShort, 1, 9) == kUpright);
    CHECK(one(kShort, 1, 0xFFFF) == kUpright);
    CHECK(one(kLong, 1, 0x80000006) == kUpright);
    CHECK(one(kShort, 2, 6) == kUpright);
    CHECK(one(kShort, 0, 6) == kUpright);
    CHECK(one(kByte, 1, 6) == kUpright);
    CHECK(one(0xFFFF, 0xFFFFFFFF, 6) == kUpright);
    CHECK(Tiff(big_endian).count(0).orientation() == kUpright);
    CHECK(Tiff(big_endian, 43).count(1).entry(kTag, kShort, 1, 6).orientation() == kUpright);
    // Directories outside of the data, at its end, and of more entries than there are.
    CHECK(Tiff(big_endian, 42, 0xFFFFFFFF).count(1).orientation() == kUpright);
    CHECK(Tiff(big_endian, 42, 0x7FFFFFFF).count(1).orientation() == kUpright);
    CHECK(Tiff(big_endian, 42, 9).count(1).orientation() == kUpright);
    CHECK(Tiff(big_endian, 42, 10).count(1).orientation() == kUpright);
    CHECK(Tiff(big_endian).count(0xFFFF).entry(kTag, kShort, 1, 6).orientation() == 6);
    CHECK(Tiff(big_endian).count(0xFFFF).entry(1, kShort, 1, 6).orientation() == kUpright);
  }
  CHECK(exif_orientation({}) == kUpright);
  CHECK(exif_orientation(Bytes{'I', 'M', 42, 0, 8, 0, 0, 0}) == kUpright);
}

TEST_CASE("EXIF data may end anywhere", "[data]") {
  const Bytes whole = Tiff(true).count(1).entry(kTag, kShort, 1, 6).bytes();
  REQUIRE(exif_orientation(whole) == 6);
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK(exif_orientation(prefix(whole, size)) == kUpright);
  }
}

TEST_CASE("A JPEG is turned as its EXIF data says", "[data]") {
  const Bytes& jpeg = encoded_file("baseline 4:2:0 JPEG");
  const Image stored = decode_image(jpeg, "stored");
  REQUIRE(stored.height != stored.width);
  for (const bool big_endian : {false, true}) {
    for (int value = 1; value <= 8; ++value) {
      CAPTURE(big_endian, value);
      const Tiff tiff =
          Tiff(big_endian).count(1).entry(kTag, kShort, 1, static_cast<uint32_t>(value));
      const Image seen = decode_image(with_exif(jpeg, tiff.bytes()), "seen");
      const Image expected = upright(stored, value);
      CHECK(seen.height == expected.height);
      CHECK(seen.pixels == expected.pixels);
    }
  }
  const auto six = Tiff(true).count(1).entry(kTag, kShort, 1, 6);
  const auto three = Tiff(true).count(1).entry(kTag, kShort, 1, 3);
  const Image twice = decode_image(with_exif(with_exif(jpeg, three.bytes()), six.bytes()), "a");
  CHECK(twice.pixels == upright(stored, 6).pixels);  // the first one counts
  CHECK(decode_image(with_exif(jpeg, {}), "no data").pixels == stored.pixels);
}

TEST_CASE("Turning large pictures moves every pixel", "[data]") {
  const Image stored = noise_image(70, 45, 3);  // several tiles, and incomplete ones
  const auto source = [&](int orientation, int y, int x) {
    const int bottom = stored.height - 1, right = stored.width - 1;
    switch (orientation) {
      case 2:
        return std::pair(y, right - x);
      case 3:
        return std::pair(bottom - y, right - x);
      case 4:
        return std::pair(bottom - y, x);
      case 5:
        return std::pair(x, y);
      case 6:
        return std::pair(bottom - x, y);
      case 7:
        return std::pair(bottom - x, right - y);
      case 8:
        return std::pair(x, right - y);
      default:
        return std::pair(y, x);
    }
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const Image seen = upright(stored, orientation);
    REQUIRE(seen.height == (orientation < 5 ? 70 : 45));
    REQUIRE(seen.width == (orientation < 5 ? 45 : 70));
    int wrong = 0;
    for (int y = 0; y < seen.height; ++y) {
      for (int x = 0; x < seen.width; ++x) {
        const auto [row, column] = source(orientation, y, x);
        for (int c = 0; c < 3; ++c) {
          wrong += seen.pixels[(y * seen.width + x) * 3 + c] !=
                   stored.pixels[(row * stored.width + column) * 3 + c];
        }
      }
    }
    CHECK(wrong == 0);
  }
}

}  // namespace trady::test
