// PNM and BMP files, good and bad: formats whose files say how long they are and may lie.
#include <catch2/catch.hpp>

#include "engine/data/image_file.h"
#include "engine/error.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

using Catch::Matchers::Contains;

Bytes pnm(const std::string& header, const Bytes& samples) {
  Bytes file(header.begin(), header.end());
  file.insert(file.end(), samples.begin(), samples.end());
  return file;
}

std::string error_of(const Bytes& file) {
  try {
    static_cast<void>(decode_image(file, "picture"));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void put(Bytes& file, size_t at, uint32_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) file[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

struct Bmp {
  int32_t width, height;
  uint32_t bits;
  Bytes palette;  ///< blue, green, red, 0
  Bytes rows;     ///< padded, bottom row first where height > 0

  Bytes file() const {
    constexpr size_t kHeaders = 54;
    Bytes bytes(kHeaders);
    bytes[0] = 'B';
    bytes[1] = 'M';
    put(bytes, 10, static_cast<uint32_t>(kHeaders + palette.size()), 4);
    put(bytes, 14, 40, 4);
    put(bytes, 18, static_cast<uint32_t>(width), 4);
    put(bytes, 22, static_cast<uint32_t>(height), 4);
    put(bytes, 26, 1, 2);
    put(bytes, 28, bits, 2);
    bytes.insert(bytes.end(), palette.begin(), palette.end());
    bytes.insert(bytes.end(), rows.begin(), rows.end());
    return bytes;
  }
};

const Bytes kTwoColours{1, 2, 3, 0, 4, 5, 6, 0};

}  // namespace

TEST_CASE("Every cut of a PNM or BMP file is refused", "[data]") {
  for (const char* name : {"PPM", "BMP"}) {
    const Bytes& whole = encoded_file(name);
    REQUIRE(error_of(whole) == "no error");
    for (size_t size = 0; size < whole.size(); ++size) {
      INFO(name << " cut to " << size << " bytes");
      CHECK_THAT(error_of(prefix(whole, size)), Contains("picture"));
    }
    CHECK_THAT(error_of(prefix(whole, whole.size() - 1)),
               Contains("truncated") && Contains(concat("promises ", whole.size(), " bytes")));
  }
}

TEST_CASE("PNM samples of every width are scaled to eight bits", "[data]") {
  CHECK(decode_image(pnm("P6 1 1 255\n", {1, 2, 255}), "a").pixels == Bytes{1, 2, 255});
  CHECK(decode_image(pnm("P5 2 1 255\n", {7, 9}), "a").pixels == Bytes{7, 7, 7, 9, 9, 9});
  CHECK(decode_image(pnm("P5 3 1 15\n", {0, 8, 15}), "a").pixels ==
        Bytes{0, 0, 0, 136, 136, 136, 255, 255, 255});
  CHECK(decode_image(pnm("P5 1 2 65535\n", {0x80, 0, 0xff, 0xff}), "a").pixels ==
        Bytes{128, 128, 128, 255, 255, 255});
  CHECK(decode_image(pnm("P6 1 1 1000 ", {0, 0, 1, 0xf4, 3, 0xe8}), "a").pixels ==
        Bytes{0, 128, 255});
  CHECK(decode_image(pnm("P5 1 1 100\n", {200}), "a").pixels == Bytes{255, 255, 255});
}

TEST_CASE("A PNM header may hold comments and samples may look like white space", "[data]") {
  const Image image = decode_image(pnm("P5#a\n # b 9\r2\t1\n#c\n255\n", {'\n', '#'}), "a");
  CHECK(image.width == 2);
  CHECK(image.height == 1);
  CHECK(image.pixels == Bytes{10, 10, 10, 35, 35, 35});
}

TEST_CASE("PNM headers are not believed", "[data]") {
  const auto error = [](const std::string& header) { return error_of(pnm(header, Bytes(64))); };
  CHECK_THAT(error("P5 0 3 255\n"), Contains("claims 0 x 3 pixels"));
  CHECK_THAT(error("P6 3 0 255\n"), Contains("claims 3 x 0 pixels"));
  CHECK_THAT(error("P5 -3 3 255\n"), Contains("no width"));
  CHECK_THAT(error("P53 3 255\n"), Contains("no width"));
  CHECK_THAT(error("P5 3 x"), Contains("no height"));
  CHECK_THAT(error("P5 3 3 0\n"), Contains("largest value in its PNM header is 0"));
  CHECK_THAT(error("P5 3 3 65536\n"), Contains("largest value") && Contains("above 65535"));
  CHECK_THAT(error("P5 3 3 255"), Contains("no white space ends"));
  CHECK_THAT(error("P5 99999999999999999999 3 255\n"), Contains("width") && Contains("above"));
  CHECK_THAT(error("P6 2147483647 2147483647 65535\n"), Contains("megapixels"));
  CHECK_THAT(error("P6 30000 1 255\n"), Contains("truncated PNM"));
  CHECK_THAT(error("P5 8 8 256\n"), Contains("truncated PNM"));
  CHECK_THAT(error("P3 1 1 255\n"), Contains("cannot be decoded"));
}

TEST_CASE("BMP files of either direction and depth", "[data]") {
  const Bmp up{1, 2, 24, {}, {1, 2, 3, 0, 4, 5, 6, 0}};
  CHECK(decode_image(up.file(), "a").pixels == Bytes{6, 5, 4, 3, 2, 1});
  const Bmp down{1, -2, 24, {}, {1, 2, 3, 0, 4, 5, 6, 0}};
  const Image image = decode_image(down.file(), "a");
  CHECK(image.height == 2);
  CHECK(image.pixels == Bytes{3, 2, 1, 6, 5, 4});
  const Bmp eight{2, 1, 8, kTwoColours, {1, 0, 0, 0}};
  CHECK(decode_image(eight.file(), "a").pixels == Bytes{6, 5, 4, 3, 2, 1});
  const Bmp four{3, 1, 4, kTwoColours, {0x10, 0x10, 0, 0}};
  CHECK(decode_image(four.file(), "a").pixels == Bytes{6, 5, 4, 3, 2, 1, 6, 5, 4});
  const Bmp one{2, 1, 1, kTwoColours, {0x40, 0, 0, 0}};
  CHECK(decode_image(one.file(), "a").pixels == Bytes{3, 2, 1, 6, 5, 4});
}

TEST_CASE("BMP headers are not believed", "[data]") {
  const Bmp good{2, 1, 8, kTwoColours, {1, 0, 0, 0}};
  const auto changed = [&](size_t at, uint32_t value, size_t bytes) {
    Bytes file = good.file();
    put(file, at, value, bytes);
    return error_of(file);
  };
  CHECK_THAT(changed(18, 0, 4), Contains("claims 0 x 1 pixels"));
  CHECK_THAT(changed(22, 0, 4), Contains("claims 2 x 0 pixels"));
  CHECK_THAT(changed(18, 0xffffffff, 4), Contains("claims -1 x 1 pixels"));
  CHECK_THAT(changed(22, 0x80000000, 4), Contains("megapixels"));
  CHECK_THAT(changed(22, 3, 4), Contains("truncated BMP"));
  CHECK_THAT(changed(22, static_cast<uint32_t>(-3), 4), Contains("truncated BMP"));
  CHECK_THAT(changed(10, 0, 4), Contains("pixels begin at byte 0, within its header"));
  CHECK_THAT(changed(10, 54, 4), Contains("within its header"));
  CHECK_THAT(changed(10, 0xffffffff, 4), Contains("picture"));
  CHECK_THAT(changed(10, 63, 4), Contains("truncated BMP"));
  CHECK_THAT(changed(14, 13, 4), Contains("picture"));
  CHECK_THAT(changed(28, 7, 2), Contains("7 bits a pixel"));
  CHECK_THAT(changed(30, 1, 4), Contains("cannot be decoded"));  // run lengths
  CHECK_THAT(changed(62, 2, 1), Contains("colour 2 of a palette of 2"));
  CHECK_THAT(changed(63, 9, 1), Contains("colour 9 of a palette of 2"));
}

TEST_CASE("A colour that the palette lacks is found in every row and depth", "[data]") {
  CHECK_THAT(error_of(Bmp{3, 2, 4, kTwoColours, {0, 0, 0, 0, 0, 0x20, 0, 0}}.file()),
             Contains("colour 2 of a palette of 2"));
  CHECK_THAT(error_of(Bmp{9, 1, 1, {1, 2, 3, 0}, {0, 0x80, 0, 0}}.file()),
             Contains("colour 1 of a palette of 1"));
  CHECK(error_of(Bmp{3, 1, 4, kTwoColours, {0, 0x0f, 0, 0}}.file()) == "no error");  // padding
}

}  // namespace trady::test
