// Bad and odd files: pictures, IDX, CIFAR. Every error must name the file and the reason.
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>

#include "engine/data/cifar.h"
#include "engine/data/idx.h"
#include "engine/data/image_file.h"
#include "engine/data/jpeg_segments.h"
#include "engine/error.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

using Catch::Matchers::Contains;

void append_big_endian(Bytes& bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<uint8_t>(value >> shift));
  }
}

/// Header numbers, then `payload` bytes 0, 1, 2, ...
Bytes idx_file(std::initializer_list<uint32_t> header, int payload) {
  Bytes bytes;
  for (const uint32_t number : header) append_big_endian(bytes, number);
  for (int i = 0; i < payload; ++i) bytes.push_back(static_cast<uint8_t>(i));
  return bytes;
}

const Bytes kThreeImages = idx_file({0x803, 3, 4, 5}, 60);
const Bytes kThreeLabels = idx_file({0x801, 3}, 3);

/// What opening these two files says.
std::string idx_error(const std::string& images_name, const Bytes& images,
                      const std::string& labels_name, const Bytes& labels) {
  const TemporaryFolder folder;
  const auto images_path = folder.write(images_name, images);
  const auto labels_path = folder.write(labels_name, labels);
  try {
    const IdxDataset dataset(images_path, labels_path);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// Records with the given labels and pixel bytes counting up from them.
Bytes cifar_records(const std::vector<Bytes>& labels) {
  Bytes bytes;
  for (const Bytes& label : labels) {
    bytes.insert(bytes.end(), label.begin(), label.end());
    for (int i = 0; i < 3072; ++i) bytes.push_back(static_cast<uint8_t>(i / 1024 * 50 + i % 32));
  }
  return bytes;
}

bool reaches_its_end(const Bytes& jpeg) {
  return walk_jpeg(jpeg, [](JpegSegment) {});
}

std::vector<std::string> names(int count) {
  return std::vector<std::string>(count, "class");
}

}  // namespace

TEST_CASE("Unreadable pictures are named with the reason", "[data]") {
  const TemporaryFolder folder;
  const Bytes& jpeg = encoded_file("baseline 4:2:0 JPEG");
  const Bytes& png = encoded_file("RGB PNG");

  CHECK_THROWS_WITH(load_image(folder.path() / "absent.jpg"),
                    Contains("absent.jpg") && Contains("No such file"));
  CHECK_THROWS_WITH(load_image(folder.path()), Contains("it is a folder"));
  CHECK_THROWS_WITH(load_image(folder.write("empty.png", {})),
                    Contains("empty.png is empty (0 bytes)"));
  CHECK_THROWS_WITH(load_image(folder.write_text("text.jpg", "This is not a picture.")),
                    Contains("text.jpg cannot be decoded") && Contains("JPEG, PNG"));
  CHECK_THROWS_WITH(load_image(folder.write("half.jpg", prefix(jpeg, jpeg.size() / 2))),
                    Contains("half.jpg"));
  CHECK_THROWS_WITH(load_image(folder.write("cut.jpg", prefix(jpeg, jpeg.size() - 2))),
                    Contains("cut.jpg is a truncated JPEG") && Contains("replace or remove"));
  CHECK_THROWS_WITH(load_image(folder.write("cut.png", prefix(png, png.size() / 2))),
                    Contains("cut.png is a truncated PNG"));

  Bytes damaged = jpeg;
  std::fill(damaged.begin() + 180, damaged.begin() + 300, uint8_t{0x55});
  CHECK_THROWS_WITH(load_image(folder.write("damaged.jpg", damaged)), Contains("damaged.jpg"));
}

TEST_CASE("A picture that claims too many pixels is refused before decoding", "[data]") {
  // A PNG's width and height are the big-endian numbers at bytes 16 and 20, its header's checksum
  // that at byte 29; a JPEG's height and width follow the marker of its frame and three bytes.
  const auto png = [](uint32_t side, uint32_t checksum) {
    Bytes file = encoded_file("RGB PNG"), size, check;
    append_big_endian(size, side);
    append_big_endian(size, side);
    append_big_endian(check, checksum);
    std::copy(size.begin(), size.end(), file.begin() + 16);
    std::copy(check.begin(), check.end(), file.begin() + 29);
    return file;
  };
  CHECK_THROWS_WITH(decode_image(png(12000, 0xDE271BA6), "bomb.png"),
                    Contains("bomb.png claims 12000 x 12000 pixels") &&
                        Contains("100 megapixels") && Contains("make it smaller"));
  CHECK_THROWS_WITH(decode_image(png(1 << 20, 0xC44A3792), "bomb.png"), Contains("bomb.png"));
  Bytes jpeg = encoded_file("baseline 4:4:4 JPEG");
  const Bytes frame{0xFF, 0xC0};
  const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
  REQUIRE(at != jpeg.end());
  std::fill(at + 5, at + 9, uint8_t{0xFF});
  CHECK_THROWS_WITH(decode_image(jpeg, "bomb.jpg"),
                    Contains("bomb.jpg claims 65535 x 65535 pixels"));
}

TEST_CASE("The end of a JPEG is found past thumbnails and restart markers", "[data]") {
  const Bytes& jpeg = encoded_file("progressive JPEG");
  CHECK(is_jpeg(jpeg));
  CHECK(reaches_its_end(jpeg));
  Bytes padded = jpeg;
  padded.insert(padded.end(), 100, uint8_t{0});
  CHECK(reaches_its_end(padded));
  for (size_t size = 0; size < jpeg.size() - 1; ++size) {
    CHECK_FALSE(reaches_its_end(prefix(jpeg, size)));
  }
  // An application segment that holds a whole picture, in a file that ends right after it.
  Bytes thumbnail{0xFF, 0xD8, 0xFF, 0xE1};
  thumbnail.push_back(static_cast<uint8_t>((jpeg.size() + 2) >> 8));
  thumbnail.push_back(static_cast<uint8_t>(jpeg.size() + 2));
  thumbnail.insert(thumbnail.end(), jpeg.begin(), jpeg.end());
  CHECK_FALSE(reaches_its_end(thumbnail));
  const Bytes restarts{0xFF, 0xD8, 0xFF, 0xDA, 0, 3, 1, 0x12, 0xFF, 0, 0xFF, 0xD3, 7, 0xFF, 0xD9};
  CHECK(reaches_its_end(restarts));
}

TEST_CASE("Pictures are told by their extension, in any case", "[data]") {
  CHECK(image_file_kind("a/b.JPG") == ImageFileKind::decodable);
  CHECK(image_file_kind("b.jpeg") == ImageFileKind::decodable);
  CHECK(image_file_kind("b.WebP") == ImageFileKind::unsupported);
  CHECK(image_file_kind("b.txt") == ImageFileKind::other);
  CHECK(image_file_kind("jpg") == ImageFileKind::other);
}

TEST_CASE("IDX files are read plain and packed, grey repeated", "[data]") {
  const TemporaryFolder folder;
  const IdxDataset plain(folder.write("images", kThreeImages),
                         folder.write("labels", idx_file({0x801, 3}, 3)));
  REQUIRE(plain.size() == 3);
  CHECK(plain.class_names() == std::vector<std::string>{"0", "1", "2"});
  CHECK(plain.label(2) == 2);
  const Image image = plain.load(1);
  REQUIRE((image.height == 4 && image.width == 5));
  for (int i = 0; i < 60; ++i) REQUIRE(image.pixels[i] == 20 + i / 3);
  CHECK(plain.sample_name(1) == (folder.path() / "images").string() + ", image 1");

  if (built_without_zlib()) {
    std::cout << "SKIP: built without zlib, packed IDX files are not read\n";
    return;
  }
  const IdxDataset packed(folder.write("images.gz", images_gzip()),
                          folder.write("labels.gz", labels_gzip()));
  REQUIRE(packed.size() == 3);
  CHECK(packed.label(0) == 2);
  CHECK(packed.load(1).pixels == image.pixels);
  CHECK(packed.resident_bytes() >= 63);
  CHECK(plain.resident_bytes() < 60);
}

TEST_CASE("IDX headers are not believed", "[data]") {
  const auto images_error = [](const Bytes& images) {
    return idx_error("images", images, "labels", kThreeLabels);
  };
  CHECK(images_error(kThreeImages) == "no error");
  CHECK_THAT(images_error({}), Contains("has 0 bytes") && Contains("16"));
  CHECK_THAT(images_error(prefix(kThreeImages, 10)), Contains("has 10 bytes"));
  CHECK_THAT(images_error(prefix(kThreeImages, 75)),
             Contains("images has 75 bytes, but its header promises 76"));
  CHECK_THAT(images_error(idx_file({0x803, 3, 4, 5}, 61)), Contains("has 77 bytes"));
  CHECK_THAT(images_error(idx_file({0x801, 3, 4, 5}, 60)),
             Contains("magic number 0x801, expected 0x803"));
  CHECK_THAT(images_error(idx_file({0x803, 0, 4, 5}, 0)), Contains("no samples"));
  CHECK_THAT(images_error(idx_file({0x803, 3, 0, 5}, 0)), Contains("0 x 5 pixels"));
  CHECK_THAT(images_error(idx_file({0x803, 1, 0x80000000, 0x80000000}, 0)),
             Contains("2147483648 x 2147483648 pixels"));
  CHECK_THAT(images_error(idx_file({0x803, 0xFFFFFFFF, 16384, 16384}, 8)),
             Contains("promises 1152921504338411536"));
  CHECK_THAT(images_error(idx_file({0x803, 2, 4, 5}, 40)),
             Contains("holds 2 images") && Contains("holds 3 labels"));
}

TEST_CASE("Packed IDX files that are damaged or lie", "[data]") {
  if (built_without_zlib()) {
    std::cout << "SKIP: built without zlib, packed IDX files are not read\n";
    return;
  }
  const auto images_error = [](const Bytes& images) {
    return idx_error("i.gz", images, "l.gz", labels_gzip());
  };
  CHECK(images_error(images_gzip()) == "no error");
  CHECK_THAT(images_error(prefix(images_gzip(), images_gzip().size() - 12)),
             Contains("i.gz is truncated or corrupt") && Contains("download it again"));
  CHECK_THAT(images_error(prefix(images_gzip(), images_gzip().size() - 4)),
             Contains("i.gz is truncated or corrupt"));
  Bytes flipped = images_gzip();
  flipped[40] ^= 0x10;
  CHECK_THAT(images_error(flipped), Contains("i.gz is truncated or corrupt"));
  CHECK_THAT(images_error(huge_header_gzip()), Contains("packed bytes cannot hold"));
  CHECK_THAT(images_error(images_too_long_gzip()), Contains("goes on after the 76 bytes"));
  CHECK_THAT(images_error(kThreeImages), Contains("is not a gzip file"));
  CHECK_THAT(images_error({}), Contains("is not a gzip file"));
}

TEST_CASE("A test label that training does not know is an error", "[data]") {
  const TemporaryFolder folder;
  IdxDataset dataset(folder.write("images", kThreeImages), folder.write("labels", kThreeLabels));
  CHECK_THROWS_WITH(dataset.set_class_names({"0", "1"}),
                    Contains("sample 2: label 2 is out of range"));
}

TEST_CASE("CIFAR records: labels, planes to pixels, several files", "[data]") {
  const TemporaryFolder folder;
  const CifarDataset ten(CifarDataset::Variant::cifar10,
                         {folder.write("a.bin", cifar_records({{3}, {0}})),
                          folder.write("b.bin", cifar_records({{9}}))},
                         names(10));
  REQUIRE(ten.size() == 3);
  CHECK(ten.label(0) == 3);
  CHECK(ten.label(2) == 9);
  CHECK(ten.sample_name(2) == (folder.path() / "b.bin").string() + ", record 0");
  const Image image = ten.load(2);
  REQUIRE((image.height == 32 && image.width == 32));
  const int at = 3 * (7 * 32 + 11);
  CHECK(image.pixels[at] == 11);
  CHECK(image.pixels[at + 1] == 61);
  CHECK(image.pixels[at + 2] == 111);

  const CifarDataset hundred(CifarDataset::Variant::cifar100,
                             {folder.write("c.bin", cifar_records({{19, 99}, {2, 7}}))},
                             names(100));
  CHECK(hundred.label(0) == 99);
  CHECK(hundred.label(1) == 7);
  CHECK(hundred.load(1).pixels == image.pixels);
}

TEST_CASE("CIFAR files that are damaged", "[data]") {
  const TemporaryFolder folder;
  const auto open = [&](const Bytes& content) {
    CifarDataset(CifarDataset::Variant::cifar10, {folder.write("a.bin", content)}, names(10));
  };
  const Bytes good = cifar_records({{1}, {2}});
  CHECK_NOTHROW(open(good));
  CHECK_THROWS_WITH(open(prefix(good, 5000)),
                    Contains("a.bin has 5000 bytes") && Contains("3073") && Contains("30730000"));
  CHECK_THROWS_WITH(open({}), Contains("a.bin has 0 bytes"));
  CHECK_THROWS_WITH(open(cifar_records({{1}, {10}})),
                    Contains("record 1: label 10 is out of range, expected 0 to 9"));
  CHECK_THROWS_WITH(
      CifarDataset(CifarDataset::Variant::cifar10, {folder.path() / "b.bin"}, names(10)),
      Contains("b.bin") && Contains("No such file"));
}

TEST_CASE("A file that shrinks after it was opened is an error, not garbage", "[data]") {
  const TemporaryFolder folder;
  const auto path = folder.write("a.bin", cifar_records({{1}, {2}}));
  const CifarDataset dataset(CifarDataset::Variant::cifar10, {path}, names(10));
  std::filesystem::resize_file(path, 4000);
  CHECK_THROWS_WITH(dataset.load(1), Contains("a.bin ends at byte 4000"));
}

}  // namespace trady::test
