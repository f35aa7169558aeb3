// Resize, colour jitter, test transform and decoding against what Pillow computes
// (tests/goldens/make_data_goldens.py).
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/data/image_file.h"
#include "engine/data/transform.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

#include "tests/goldens/data_goldens.inc"

int largest_difference(const Bytes& a, const Bytes& b) {
  REQUIRE(a.size() == b.size());
  int largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

const std::vector<ResizeGolden>& resize_goldens() {
  return kResizeGoldens;
}
const std::vector<JitterGolden>& jitter_goldens() {
  return kJitterGoldens;
}
const std::vector<TestTransformGolden>& test_transform_goldens() {
  return kTestTransformGoldens;
}
const std::vector<FileGolden>& file_goldens() {
  return kFileGoldens;
}
const Bytes& images_gzip() {
  return kImagesGzip;
}
const Bytes& labels_gzip() {
  return kLabelsGzip;
}
const Bytes& huge_header_gzip() {
  return kHugeHeaderGzip;
}
const Bytes& images_too_long_gzip() {
  return kImagesTooLongGzip;
}

const Bytes& encoded_file(const std::string& name) {
  const auto found = std::find_if(kFileGoldens.begin(), kFileGoldens.end(),
                                  [&](const FileGolden& golden) { return golden.name == name; });
  if (found == kFileGoldens.end()) throw std::runtime_error("no golden file named " + name);
  return found->file;
}

TEST_CASE("Resize equals Pillow's", "[data]") {
  ResizeScratch scratch;
  for (const ResizeGolden& golden : resize_goldens()) {
    CAPTURE(golden.height, golden.width, golden.out_height, golden.out_width);
    const Image source = noise_image(golden.height, golden.width, golden.seed);
    PlanarImage result;
    resize_bilinear(source, golden.box, ResizeTarget::whole(golden.out_height, golden.out_width),
                    scratch, result);
    CHECK(largest_difference(interleaved(result), golden.expected) <= golden.tolerance);
  }
}

TEST_CASE("Resize of a crop reads nothing outside of the crop", "[data]") {
  const Image source = noise_image(30, 40, 1);
  const ImageView view = ImageView(source).crop(3, 5, 20, 17);
  Image copy(20, 17);
  for (int y = 0; y < 20; ++y) {
    std::copy_n(&source.pixels[((y + 3) * 40 + 5) * 3], 17 * 3, &copy.pixels[y * 17 * 3]);
  }
  CHECK(resize_bilinear(view, 9, 25).pixels == resize_bilinear(copy, 9, 25).pixels);
}

TEST_CASE("A window of a resize is that part of the whole, and flips", "[data]") {
  const Image source = noise_image(37, 53, 2);
  const SourceBox box{0, 0, 53, 37};
  const Image whole = resize_bilinear(source, 21, 29);
  ResizeTarget target = ResizeTarget::whole(21, 29);
  target.window_top = 4;
  target.window_left = 7;
  target.window_height = 10;
  target.window_width = 12;
  ResizeScratch scratch;
  PlanarImage planes;
  resize_bilinear(source, box, target, scratch, planes);
  const Bytes window = interleaved(planes);
  target.flip = true;
  resize_bilinear(source, box, target, scratch, planes);
  const Bytes flipped = interleaved(planes);
  for (int y = 0; y < 10; ++y) {
    for (int x = 0; x < 12; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int expected = whole.pixels[((y + 4) * 29 + x + 7) * 3 + c];
        REQUIRE(window[(y * 12 + x) * 3 + c] == expected);
        REQUIRE(flipped[(y * 12 + 11 - x) * 3 + c] == expected);
      }
    }
  }
}

TEST_CASE("Colour jitter is bit-equal to Pillow's in every order", "[data]") {
  for (const JitterGolden& golden : jitter_goldens()) {
    CAPTURE(golden.seed);
    PlanarImage image = planar(3, 4, noise_image(3, 4, golden.seed).pixels);
    apply_color_jitter(golden.jitter, image);
    CHECK(largest_difference(interleaved(image), golden.expected) == 0);
  }
}

TEST_CASE("The test transform is Pillow's resize and torchvision's centre crop", "[data]") {
  const Transform transform({16, Recipe::standard});
  TransformScratch scratch;
  for (const TestTransformGolden& golden : test_transform_goldens()) {
    CAPTURE(golden.height, golden.width);
    Bytes result(16 * 16 * 3);
    transform.test(noise_image(golden.height, golden.width, golden.seed), scratch, result.data());
    CHECK(largest_difference(result, golden.expected) == 0);
  }
}

TEST_CASE("Decoded pixels are Pillow's, within 4 levels for JPEG", "[data]") {
  for (const FileGolden& golden : file_goldens()) {
    CAPTURE(golden.name);
    const Image image = decode_image(golden.file, golden.name);
    CHECK(image.height == golden.height);
    CHECK(image.width == golden.width);
    const bool lossy = golden.name.find("JPEG") != std::string::npos;
    CHECK(largest_difference(image.pixels, golden.expected) <= (lossy ? 4 : 0));
  }
}

}  // namespace trady::test
