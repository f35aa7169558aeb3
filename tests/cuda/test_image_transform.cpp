// Image transforms on the device: the host's bytes, for every recipe and for images of any shape.
#include <catch2/catch.hpp>

#include "engine/data/transform.h"
#include "tests/cuda/cuda_device.h"
#include "tests/kernels/device_under_test.h"

namespace trady::testing {
namespace {

using kernels::ColorChange;
using kernels::ImageTransform;

/// Smooth in places, so that weights count, and with both ends of the range.
Image test_image(int height, int width, uint32_t seed) {
  RandomStream random(seed, RandomPurpose::initialization);
  Image image(height, width);
  for (uint8_t& value : image.pixels) {
    const uint32_t drawn = random.below(300);
    value = static_cast<uint8_t>(drawn < 20 ? 0 : drawn > 275 ? 255 : drawn - 20);
  }
  return image;
}

/// A batch on its way to squares of one size, and what the host makes of it.
class TransformBatch {
 public:
  explicit TransformBatch(int size) : size_(size) {}

  void add(const ImagePart& part) {
    const int64_t square_bytes = int64_t{3} * size_ * size_;
    expected_.resize(expected_.size() + static_cast<size_t>(square_bytes));
    transform_image(part.transform, part.pixels, size_, scratch_,
                    &expected_[expected_.size() - static_cast<size_t>(square_bytes)]);
    transforms_.push_back(part.transform);
    transforms_.back().offset = static_cast<int64_t>(images_.size());
    for (int y = 0; y < part.pixels.height; ++y) {
      const uint8_t* row = part.pixels.pixels + y * part.pixels.row_bytes;
      images_.insert(images_.end(), row, row + int64_t{3} * part.pixels.width);
    }
  }

  /// Number of the first image that differs; -1 if none does.
  int64_t first_difference(const kernels::Backend& device) const {
    const auto count = static_cast<int64_t>(transforms_.size());
    const DeviceArray<uint8_t> images(device, images_);
    const DeviceArray<ImageTransform> transforms(device, transforms_);
    const DeviceArray<uint8_t> pixels(device, static_cast<int64_t>(expected_.size()));
    const DeviceBytes scratch(device, device.image_scratch_bytes(count, size_));
    device.transform_images({.images = images.data(),
                             .transforms = transforms.data(),
                             .pixels = pixels.data(),
                             .scratch = scratch.data()},
                            count, size_);
    const std::vector<uint8_t> actual = pixels.values();
    const auto differs = std::mismatch(actual.begin(), actual.end(), expected_.begin()).first;
    return differs == actual.end() ? -1 : (differs - actual.begin()) / (int64_t{3} * size_ * size_);
  }

 private:
  int size_;
  std::vector<uint8_t> images_, expected_;
  std::vector<ImageTransform> transforms_;
  TransformScratch scratch_;
};

RandomStream sample_stream(uint32_t index) {
  return RandomStream(5, RandomPurpose::augmentation, 0, index);
}

}  // namespace

TEST_CASE("image transforms: every recipe, training and testing, odd sizes", "[images]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  REQUIRE(cuda->transforms_images());
  const int size = GENERATE(1, 7, 32);
  const auto recipe = GENERATE(Recipe::standard, Recipe::vww, Recipe::light, Recipe::none);
  CAPTURE(size, static_cast<int>(recipe));
  const Transform transform({size, recipe});
  constexpr int kSizes[][2] = {{1, 1}, {1, 23}, {19, 1}, {5, 3}, {33, 31}, {64, 40}, {28, 29}};
  TransformBatch batch(size);
  std::vector<Image> images;
  uint32_t index = 0;
  for (const auto& [height, width] : kSizes) {
    const Image image = test_image(height, width, index);
    batch.add(transform.test_part(image));
    for (int draw = 0; draw < 2; ++draw) {
      RandomStream random = sample_stream(++index);
      batch.add(transform.train_part(image, transform.draw(height, width, random)));
    }
  }
  CHECK(batch.first_difference(*cuda) == -1);
}

TEST_CASE("image transforms: many draws", "[images]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  for (const Recipe recipe : {Recipe::standard, Recipe::light}) {
    const Transform transform({24, recipe});
    TransformBatch batch(24);
    for (uint32_t i = 0; i < 150; ++i) {
      RandomStream random = sample_stream(1000 + i);
      const int height = 8 + static_cast<int>(random.below(40));
      const int width = 8 + static_cast<int>(random.below(40));
      batch.add(transform.train_part(test_image(height, width, i),
                                     transform.draw(height, width, random)));
    }
    CHECK(batch.first_difference(*cuda) == -1);
  }
}

TEST_CASE("image transforms: changes of colour in every order, up to both ends", "[images]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const Transform transform({17, Recipe::standard});
  const Image image = test_image(20, 18, 1);
  TransformBatch batch(17);
  std::array<ColorChange, 3> order{ColorChange::brightness, ColorChange::contrast,
                                   ColorChange::saturation};
  do {
    for (const float factor : {0.0F, 0.6F, 1.0F, 1.3999F, 3.0F}) {
      batch.add(
          transform.train_part(image, {.crop_height = 20,
                                       .crop_width = 18,
                                       .jitter = true,
                                       .colors = {factor, 1.7F - factor / 2, factor, order}}));
    }
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(batch.first_difference(*cuda) == -1);
}

TEST_CASE("image transforms: flips and shifts, up to all black", "[images]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const Transform transform({33, Recipe::light});
  const Image image = test_image(21, 40, 2);
  TransformBatch batch(33);
  for (const int shift_y : {-33, -17, 0, 4}) {
    for (const int shift_x : {-4, 0, 1, 32, 33}) {
      for (const bool flip : {false, true}) {
        batch.add(transform.train_part(image, {.crop_height = 21,
                                               .crop_width = 40,
                                               .shift_y = shift_y,
                                               .shift_x = shift_x,
                                               .flip = flip,
                                               .colors = {}}));
      }
    }
  }
  CHECK(batch.first_difference(*cuda) == -1);
}

TEST_CASE("image transforms: images far larger than the square", "[images]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  // Up to 4000 pixels to 8, more taps than a block's weights have room for, in either direction.
  const Transform transform({8, Recipe::none});
  TransformBatch batch(8);
  for (const auto& [height, width] : {std::pair{3, 4000}, {4000, 2}, {150, 130}, {57, 61}}) {
    batch.add(transform.test_part(test_image(height, width, 3)));
  }
  CHECK(batch.first_difference(*cuda) == -1);
}

TEST_CASE("image transforms: an empty batch, and devices without", "[images]") {
  CHECK_FALSE(float64_reference()->transforms_images());
  CHECK(float64_reference()->image_scratch_bytes(4, 32) == 0);
  CHECK_THROWS_WITH(float64_reference()->transform_images({}, 1, 8),
                    Catch::Matchers::Contains("[reference] this device does not transform"));
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  CHECK(cuda->image_scratch_bytes(0, 32) == 0);
  cuda->transform_images({}, 0, 32);
  cuda->synchronize();
}

}  // namespace trady::testing
