// The training recipes: what chance draws, and what is done with it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/data/transform.h"
#include "engine/error.h"
#include "engine/limits.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

RandomStream sample_stream(uint32_t index) {
  return RandomStream(7, RandomPurpose::augmentation, 3, index);
}

Bytes train_output(const Transform& transform, const Image& image, uint32_t index) {
  RandomStream random = sample_stream(index);
  TransformScratch scratch;
  Bytes out(static_cast<size_t>(transform.output_bytes()));
  transform.train(image, transform.draw(image.height, image.width, random), scratch, out.data());
  return out;
}

}  // namespace

TEST_CASE("RandomResizedCrop stays inside, with torchvision's areas and ratios", "[data]") {
  const Transform transform({128, Recipe::standard});
  double area_sum = 0, flips = 0;
  constexpr uint32_t kDraws = 4000;
  for (uint32_t i = 0; i < kDraws; ++i) {
    RandomStream random = sample_stream(i);
    const Augmentation drawn = transform.draw(150, 200, random);
    REQUIRE(drawn.crop_top >= 0);
    REQUIRE(drawn.crop_left >= 0);
    REQUIRE(drawn.crop_top + drawn.crop_height <= 150);
    REQUIRE(drawn.crop_left + drawn.crop_width <= 200);
    const double area = drawn.crop_height * drawn.crop_width / 30000.0;
    const double ratio = static_cast<double>(drawn.crop_width) / drawn.crop_height;
    REQUIRE(area > 0.077);
    REQUIRE(ratio > 0.73);
    REQUIRE(ratio < 1.36);
    for (const float factor :
         {drawn.colors.brightness, drawn.colors.contrast, drawn.colors.saturation}) {
      REQUIRE(factor >= 0.6f);
      REQUIRE(factor <= 1.4f);
    }
    area_sum += area;
    flips += drawn.flip;
  }
  // Mean of 200,000 draws of the same rule in Python; what does not fit is drawn again.
  CHECK(area_sum / kDraws == Approx(0.434).margin(0.015));
  CHECK(flips / kDraws == Approx(0.5).margin(0.03));
}

TEST_CASE("A very long image falls back to the largest central crop", "[data]") {
  const Transform transform({16, Recipe::standard});
  RandomStream random = sample_stream(0);
  const Augmentation wide = transform.draw(3, 4000, random);
  CHECK(wide.crop_height == 3);
  CHECK(wide.crop_width == 4);
  CHECK(wide.crop_left == 1998);
  const Augmentation tall = transform.draw(4000, 3, random);
  CHECK(tall.crop_width == 3);
  CHECK(tall.crop_height == 4);
  CHECK(tall.crop_top == 1998);
  const Augmentation point = transform.draw(1, 1, random);
  CHECK((point.crop_height == 1 && point.crop_width == 1));
}

TEST_CASE("Augmentation depends on seed, epoch and sample, and on nothing else", "[data]") {
  const Image image = noise_image(40, 50, 1);
  const Transform transform({24, Recipe::standard});
  CHECK(train_output(transform, image, 4) == train_output(transform, image, 4));
  CHECK(train_output(transform, image, 4) != train_output(transform, image, 5));
}

TEST_CASE("Training: crop, resize, flip, then jitter", "[data]") {
  const Image image = noise_image(40, 50, 1);
  const Transform transform({24, Recipe::standard});
  Augmentation augmentation;
  augmentation.crop_top = 3;
  augmentation.crop_left = 7;
  augmentation.crop_height = 30;
  augmentation.crop_width = 21;
  augmentation.flip = true;
  augmentation.jitter = true;
  augmentation.colors.contrast = 1.3f;
  Image expected = resize_bilinear(ImageView(image).crop(3, 7, 30, 21), 24, 24);
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 12; ++x) {
      for (int c = 0; c < 3; ++c) {
        std::swap(expected.pixels[(y * 24 + x) * 3 + c],
                  expected.pixels[(y * 24 + 23 - x) * 3 + c]);
      }
    }
  }
  PlanarImage jittered = planar(24, 24, expected.pixels);
  apply_color_jitter(augmentation.colors, jittered);
  TransformScratch scratch;
  Bytes out(24 * 24 * 3);
  transform.train(image, augmentation, scratch, out.data());
  CHECK(out == interleaved(jittered));
}

TEST_CASE("Recipe light shifts the square by at most an eighth, black outside", "[data]") {
  Image image(28, 28);
  std::fill(image.pixels.begin(), image.pixels.end(), uint8_t{200});
  const Transform transform({32, Recipe::light});
  bool shifted_both_ways[2] = {false, false};
  for (uint32_t i = 0; i < 50; ++i) {
    RandomStream random = sample_stream(i);
    const Augmentation drawn = transform.draw(28, 28, random);
    REQUIRE(std::abs(drawn.shift_y) <= 4);
    REQUIRE(std::abs(drawn.shift_x) <= 4);
    CHECK_FALSE(drawn.jitter);
    if (drawn.shift_y != 0) shifted_both_ways[drawn.shift_y > 0] = true;
    TransformScratch scratch;
    Bytes out(32 * 32 * 3, 1);
    transform.train(image, drawn, scratch, out.data());
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        const bool inside = y + drawn.shift_y >= 0 && y + drawn.shift_y < 32 &&
                            x + drawn.shift_x >= 0 && x + drawn.shift_x < 32;
        REQUIRE(out[(y * 32 + x) * 3] == (inside ? 200 : 0));
      }
    }
  }
  CHECK((shifted_both_ways[0] && shifted_both_ways[1]));
}

TEST_CASE("Recipes vww, light and none test on the whole image", "[data]") {
  const Image image = noise_image(20, 33, 3);
  const Image expected = resize_bilinear(image, 16, 16);
  for (const Recipe recipe : {Recipe::vww, Recipe::light, Recipe::none}) {
    const Transform transform({16, recipe});
    TransformScratch scratch;
    Bytes out(16 * 16 * 3);
    transform.test(image, scratch, out.data());
    CHECK(out == expected.pixels);
    if (recipe == Recipe::none) CHECK(train_output(transform, image, 0) == expected.pixels);
  }
}

TEST_CASE("Saturation and brightness at their ends", "[data]") {
  const Bytes before{10, 20, 250, 255, 255, 255};
  PlanarImage image = planar(1, 2, before);
  apply_color_jitter(ColorJitter(), image);
  CHECK(interleaved(image) == before);
  ColorJitter bright;
  bright.brightness = 1.4f;
  apply_color_jitter(bright, image);
  CHECK(interleaved(image) == Bytes{14, 28, 255, 255, 255, 255});
}

TEST_CASE("Recipes by name, and sizes are checked", "[data]") {
  for (const char* name : {"standard", "vww", "light", "none"}) {
    CHECK_NOTHROW(parse_recipe(name));
  }
  CHECK_THROWS_WITH(parse_recipe("heavy"), Catch::Matchers::Contains("expected standard, vww"));
  CHECK_THROWS_AS(Transform({0, Recipe::none}), Error);
  CHECK_NOTHROW(Transform({kMaxImageSize, Recipe::none}));
  CHECK_THROWS_AS(Transform({kMaxImageSize + 1, Recipe::none}), Error);
}

}  // namespace trady::test
