// Batches of images for a device that transforms them: the host's transforms of them are the pixels
// that the loader itself makes.
#include <catch2/catch.hpp>

#include "engine/data/loader.h"
#include "engine/error.h"
#include "tests/engine/data_fixtures.h"

namespace trady::test {
namespace {

/// Sizes on both sides of what is sent as it is, squares of 8 x 8.
class MixedDataset : public Dataset {
 public:
  int64_t size() const override { return 24; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return static_cast<int32_t>(index % 2); }
  Image load(int64_t index) const override {
    if (index == failing) fail("this image is corrupt");
    const auto i = static_cast<int>(index);
    return noise_image(1 + 5 * i % 31, 1 + 7 * i % 29, static_cast<uint32_t>(index));
  }
  std::string sample_name(int64_t index) const override { return concat("mixed ", index); }
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return 0; }

  int64_t failing = -1;

 private:
  std::vector<std::string> class_names_{"even", "odd"};
};

constexpr int kSide = 8;
constexpr int64_t kSquareBytes = kSide * kSide * 3;

LoaderOptions options_of(LoaderMode mode, Recipe recipe, LoaderOutput output, int threads) {
  LoaderOptions options =
      mode == LoaderMode::train ? LoaderOptions::training() : LoaderOptions::testing();
  options.transform = {kSide, recipe};
  options.output = output;
  options.batch_size = 5;
  options.threads = threads;
  options.seed = 3;
  return options;
}

std::shared_ptr<DecodedCache> uncached(std::shared_ptr<const Dataset> dataset) {
  return std::make_shared<DecodedCache>(std::move(dataset), std::make_shared<CacheBudget>(0));
}

/// What a device does: every image of the batch through its transform.
Bytes transformed(const Batch& batch) {
  Bytes pixels(static_cast<size_t>(batch.count * kSquareBytes));
  TransformScratch scratch;
  for (int64_t i = 0; i < batch.count; ++i) {
    const kernels::ImageTransform& transform = batch.transforms[i];
    REQUIRE(transform.offset >= 0);
    REQUIRE(transform.offset + int64_t{3} * transform.height * transform.width <=
            batch.image_bytes);
    Image image(transform.height, transform.width);
    std::copy_n(batch.images + transform.offset, image.pixels.size(), image.pixels.data());
    transform_image(transform, image, kSide, scratch, &pixels[i * kSquareBytes]);
  }
  return pixels;
}

}  // namespace

TEST_CASE("Images and their transforms are the pixels, for any number of threads", "[data]") {
  const auto dataset = std::make_shared<MixedDataset>();
  const auto mode = GENERATE(LoaderMode::train, LoaderMode::test);
  for (const Recipe recipe : {Recipe::standard, Recipe::vww, Recipe::light, Recipe::none}) {
    for (const int threads : {0, 1, 3}) {
      CAPTURE(static_cast<int>(recipe), threads);
      Loader finished(uncached(dataset), options_of(mode, recipe, LoaderOutput::pixels, 0));
      Loader packed(uncached(dataset), options_of(mode, recipe, LoaderOutput::images, threads));
      for (const uint32_t epoch : {0U, 1U}) {
        finished.start_epoch(epoch);
        packed.start_epoch(epoch);
        Batch expected, actual;
        while (finished.next(expected)) {
          REQUIRE(packed.next(actual));
          REQUIRE(actual.count == expected.count);
          CHECK(actual.pixels == nullptr);
          CHECK(expected.images == nullptr);
          CHECK(expected.transforms == nullptr);
          CHECK(actual.image_bytes <= actual.count * max_packed_bytes(kSide));
          CHECK(std::equal(actual.labels, actual.labels + actual.count, expected.labels));
          CHECK(std::equal(actual.indices, actual.indices + actual.count, expected.indices));
          CHECK(transformed(actual) ==
                Bytes(expected.pixels, expected.pixels + expected.count * kSquareBytes));
        }
        CHECK_FALSE(packed.next(actual));
      }
    }
  }
}

TEST_CASE("An image is sent as it is up to four squares' bytes, else as its square", "[data]") {
  const Transform transform({kSide, Recipe::standard});
  PackedImages images;
  images.allocate(3, kSide);
  TransformScratch scratch;
  const Image at_limit = noise_image(16, 16, 1), beyond = noise_image(16, 17, 2);
  Augmentation crop;
  crop.crop_top = 3;
  crop.crop_left = 5;
  crop.crop_height = 2;
  crop.crop_width = 7;
  crop.flip = true;
  images.add(2, transform.test_part(at_limit), scratch);
  images.add(0, transform.test_part(beyond), scratch);
  images.add(1, transform.train_part(beyond, crop), scratch);
  CHECK(images.bytes() == 3 * (16 * 16 + 8 * 8 + 2 * 7));

  const kernels::ImageTransform* table = images.transforms();
  CHECK((table[2].height == 16 && table[2].width == 16 && table[2].offset == 0));
  CHECK(std::equal(at_limit.pixels.begin(), at_limit.pixels.end(), images.data()));

  CHECK((table[0].height == kSide && table[0].width == kSide && table[0].offset == 3 * 16 * 16));
  CHECK((table[0].target_height == kSide && table[0].window_top == 0 && !table[0].flip));
  Bytes square(kSquareBytes);
  transform.test(beyond, scratch, square.data());
  CHECK(std::equal(square.begin(), square.end(), images.data() + table[0].offset));

  CHECK((table[1].height == 2 && table[1].width == 7 && table[1].flip));
  for (int y = 0; y < 2; ++y) {
    const uint8_t* row = &beyond.pixels[((3 + y) * 17 + 5) * 3];
    CHECK(std::equal(row, row + 21, images.data() + table[1].offset + 21 * y));
  }

  images.clear();
  CHECK(images.bytes() == 0);
}

TEST_CASE("The pipeline's bytes count images and transforms", "[data]") {
  const auto dataset = std::make_shared<MixedDataset>();
  const Loader loader(uncached(dataset),
                      options_of(LoaderMode::train, Recipe::light, LoaderOutput::images, 2));
  const int64_t a_sample = 4 * kSquareBytes + int64_t{sizeof(kernels::ImageTransform)} + 4 + 8;
  CHECK(loader.pipeline_bytes() == 3 * 5 * a_sample + 24 * 8);
}

TEST_CASE("A batch of images with a corrupt one fails, and the next epoch is whole", "[data]") {
  const auto dataset = std::make_shared<MixedDataset>();
  for (const int threads : {0, 2}) {
    dataset->failing = 1;
    LoaderOptions options =
        options_of(LoaderMode::test, Recipe::none, LoaderOutput::images, threads);
    Loader loader(uncached(dataset), options);
    loader.start_epoch(0);
    Batch batch;
    CHECK_THROWS_WITH(loader.next(batch), Catch::Matchers::Contains("mixed 1: this image is"));
    CHECK_THROWS_WITH(loader.next(batch), Catch::Matchers::Contains("mixed 1: this image is"));
    if (threads > 0) loader.start_epoch(1);
  }
}

}  // namespace trady::test
