// Pictures of every kind that cameras, scanners and editors write, and what is refused of them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string_view>

#include "engine/data/image_file.h"
#include "engine/data/image_folder.h"
#include "engine/error.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

using Catch::Matchers::Contains;

struct OrientationGolden {
  int orientation, height, width;
  Bytes expected;  ///< of grey pixels, one byte each
  Bytes file;
};

#include "tests/goldens/photo_goldens.inc"

std::string error_of(const Bytes& file, const DecodeOptions& options = {}) {
  try {
    static_cast<void>(decode_image(file, "picture", options));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

int largest_difference(const Bytes& a, const Bytes& b) {
  REQUIRE(a.size() == b.size());
  int largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

size_t position_of(const Bytes& file, std::string_view text) {
  const Bytes bytes(text.begin(), text.end());
  const auto found = std::search(file.begin(), file.end(), bytes.begin(), bytes.end());
  REQUIRE(found != file.end());
  return static_cast<size_t>(found - file.begin());
}

Bytes changed(Bytes file, size_t at, uint8_t value) {
  file.at(at) = value;
  return file;
}

Bytes inserted(Bytes file, size_t at, const Bytes& bytes) {
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin(), bytes.end());
  return file;
}

Bytes without(Bytes file, size_t at, size_t count) {
  const auto first = file.begin() + static_cast<std::ptrdiff_t>(at);
  file.erase(first, first + static_cast<std::ptrdiff_t>(count));
  return file;
}

const Bytes& png_file(const std::string& name) {
  const auto found =
      std::ranges::find_if(kPngGoldens, [&](const auto& golden) { return golden.name == name; });
  REQUIRE(found != kPngGoldens.end());
  return found->file;
}

/// A chunk whose checksum is wrong.
Bytes chunk(const std::string& name, uint8_t bytes) {
  Bytes chunk{0, 0, 0, bytes};
  chunk.insert(chunk.end(), name.begin(), name.end());
  chunk.resize(chunk.size() + bytes + 4, 0xA5);
  return chunk;
}

constexpr size_t kAfterPngHeader = 8 + 4 + 4 + 13 + 4;

}  // namespace

TEST_CASE("PNG pictures of every kind are Pillow's", "[data]") {
  for (const FileGolden& golden : kPngGoldens) {
    CAPTURE(golden.name);
    const Image image = decode_image(golden.file, golden.name);
    CHECK(image.height == golden.height);
    CHECK(image.width == golden.width);
    CHECK(image.pixels == golden.expected);
  }
}

TEST_CASE("A PNG is turned as its EXIF chunk says, as Pillow does", "[data]") {
  for (const OrientationGolden& golden : kOrientationGoldens) {
    CAPTURE(golden.orientation);
    const Image image = decode_image(golden.file, "picture");
    CHECK(image.height == golden.height);
    CHECK(image.width == golden.width);
    Bytes expected;
    for (const uint8_t grey : golden.expected) expected.insert(expected.end(), 3, grey);
    CHECK(image.pixels == expected);
  }
  const Bytes& six = kOrientationGoldens.at(5).file;
  const Bytes tag{'E', 'x', 'i', 'f', 0, 0};
  const size_t exif = position_of(six, "eXIf");
  const Image damaged = decode_image(changed(six, exif + 4, 'X'), "picture");
  CHECK(damaged.height == 2);  // a wrong checksum: not turned, and not refused either
}

TEST_CASE("CMYK and YCCK pictures are Pillow's, also without Adobe's code", "[data]") {
  const auto pixels = [](const Bytes& file) { return decode_image(file, "picture").pixels; };
  CHECK(largest_difference(pixels(kCmykJpeg), kPixelsOfCmyk) <= 4);
  for (const int code : {1, 2, 3, 255}) {
    CAPTURE(code);
    const Bytes file = changed(kCmykJpeg, kAdobeCodeAt, static_cast<uint8_t>(code));
    CHECK(largest_difference(pixels(file), kPixelsOfYcck) <= 4);
  }
  constexpr size_t kSegmentBytes = 16;
  const Bytes bare = without(kCmykJpeg, kAdobeCodeAt - 15, kSegmentBytes);
  CHECK(pixels(bare) == pixels(kCmykJpeg));
}

TEST_CASE("JPEG files of a kind that is not decoded are named", "[data]") {
  const Bytes& jpeg = encoded_file("baseline 4:4:4 JPEG");
  const size_t frame = position_of(jpeg, "\xFF\xC0") + 1;
  const auto error = [&](size_t at, uint8_t value) { return error_of(changed(jpeg, at, value)); };
  CHECK_THAT(error(frame, 0xC3), Contains("picture: lossless JPEG") && Contains("convert it"));
  CHECK_THAT(error(frame, 0xC9), Contains("arithmetic-coded JPEG"));
  CHECK_THAT(error(frame, 0xC5), Contains("hierarchical JPEG"));
  CHECK_THAT(error(frame + 3, 12), Contains("JPEG files of 12 bits"));
  CHECK_THAT(error(frame + 8, 2), Contains("its JPEG frame has"));
  CHECK_THAT(error(frame, 0xE0), Contains("without a frame"));
  CHECK_THAT(error_of(without(changed(changed(jpeg, frame + 8, 2), frame + 2, 14), frame + 15, 3)),
             Contains("JPEG files of 2 components"));
}

TEST_CASE("JPEG files that stb_image must not be given", "[data]") {
  const Bytes& jpeg = encoded_file("baseline 4:4:4 JPEG");
  const size_t table = position_of(jpeg, "\xFF\xC4");
  CHECK_THAT(error_of(changed(jpeg, table + 20, 255)), Contains("Huffman table claims"));
  Bytes tables{0xFF, 0xC4, 0x01, 0x3C, 0, 2, 255, 40};  // 257 and more codes, and room for them
  tables.resize(2 + 0x013C, 1);
  std::fill(tables.begin() + 8, tables.begin() + 21, uint8_t{0});
  CHECK_THAT(error_of(inserted(jpeg, table, tables)), Contains("Huffman table claims 297 codes"));

  const size_t scan = position_of(jpeg, "\xFF\xDA");
  CHECK_THAT(error_of(changed(jpeg, scan + 7, 1)), Contains("component 2 of the JPEG has no data"));

  Bytes many = prefix(jpeg, jpeg.size() - 2);
  const size_t frame = position_of(jpeg, "\xFF\xC0");
  for (const size_t at : {frame + 5, frame + 7}) many[at] = 0x20;  // 8192 and more pixels a side
  const Bytes another{0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0};
  for (int i = 0; i < 40; ++i) many.insert(many.end(), another.begin(), another.end());
  many.insert(many.end(), {0xFF, 0xD9});
  CHECK_THAT(error_of(many), Contains("is refused: 41 scans over"));
}

TEST_CASE("PNG files that stb_image must not be given", "[data]") {
  const Bytes& png = png_file("RGBA, 8 bits");
  const size_t data = position_of(png, "IDAT");
  CHECK_THAT(error_of(changed(png, data + 12, png[data + 12] ^ 1)),
             Contains("checksum of its PNG chunk IDAT at byte") && Contains("is wrong"));
  CHECK_THAT(error_of(inserted(png, kAfterPngHeader, chunk("CgBI", 4))), Contains("Apple's own"));
  CHECK_THAT(error_of(inserted(png, kAfterPngHeader, chunk("QUUX", 4))),
             Contains("PNG chunk \"QUUX\"") && Contains("convert it"));
  CHECK_THAT(error_of(inserted(png, kAfterPngHeader, chunk("I\n\xFFR", 4))),
             Contains("no PNG chunk at byte 33"));
  CHECK(error_of(inserted(png, kAfterPngHeader, chunk("tEXt", 9))) == "no error");
  for (size_t size = 0; size < png.size(); ++size) {
    INFO("cut to " << size << " bytes");
    CHECK_THAT(error_of(prefix(png, size)), Contains("picture"));
  }
  CHECK_THAT(error_of(prefix(png, png.size() - 1)), Contains("truncated PNG"));
  CHECK_THAT(error_of(kBomb), Contains("unpacks to more than its pixels"));
}

TEST_CASE("Formats that are not decoded are told by their first bytes", "[data]") {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, const char*>> formats{
      {"RIFF\1\2\3\4WEBPVP8 "s, "a WebP file"},
      {"GIF89a"s, "a GIF file"},
      {"II*\0\x08\0\0\0"s, "a TIFF file"},
      {"MM\0*\0\0\0\x08"s, "a TIFF file"},
      {"\0\0\0\x1C"
       "ftypheic"s,
       "a HEIC file"},
      {"\0\0\0\x1C"
       "ftypmif1"s,
       "a HEIC file"},
      {"\0\0\0\x1C"
       "ftypavif"s,
       "an AVIF file"},
      {"\0\0\0\x1C"
       "ftypmp42"s,
       "a video"},
      {"\xFF\x0A\1\2"s, "a JPEG XL file"},
      {"\0\0\0\x0CJXL \r\n\x87\n"s, "a JPEG XL file"},
      {"\0\0\0\x0CjP  \r\n\x87\n"s, "a JPEG 2000 file"},
      {"8BPS\0\1"s, "a Photoshop file"},
      {"\0\0\1\0\1\0"s, "an icon file"},
      {"%PDF-1.4"s, "a PDF file"},
      {"P3 1 1 255 1 2 3"s, "a text or bit PNM file"},
      {"\n <!DOCTYPE html>"s, "a web page or an SVG file"},
  };
  for (const auto& [bytes, what] : formats) {
    CHECK_THAT(error_of(Bytes(bytes.begin(), bytes.end())),
               Contains("picture is "s + what) && Contains("cannot be decoded") &&
                   Contains("convert it to JPEG or PNG"));
  }
  CHECK_THAT(error_of({'x'}), Contains("picture cannot be decoded"));
}

TEST_CASE("The limit of pixels can be set, and the memory of decoding is told", "[data]") {
  int64_t peak = 0;
  const DecodeOptions options{.max_pixels = 15, .peak_bytes = &peak};
  const Bytes& png = png_file("RGBA, 16 bits");
  CHECK(error_of(png, options) == "no error");
  // The file, what it unpacks to, pixels of 16 bits as RGBA and as RGB; nothing far beyond.
  const auto file_bytes = static_cast<int64_t>(png.size());
  CHECK(peak >= file_bytes + 15 * (8 + 8));
  CHECK(peak <= file_bytes + 15 * 40 + 8192);
  CHECK_THAT(error_of(png, {.max_pixels = 14}), Contains("claims 5 x 3 pixels, more than"));

  const TemporaryFolder folder;
  folder.write("class/a.png", png);
  const ImageFolder images(folder.path());
  CHECK(images.decoding_bytes() == 0);
  images.load(0);
  CHECK(images.decoding_bytes() == peak);
}

}  // namespace trady::test
