#include "engine/data/transform.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "engine/error.h"
#include "engine/limits.h"

namespace trady {
namespace {

struct NamedRecipe {
  std::string_view name;
  Recipe recipe;
};
constexpr std::array<NamedRecipe, 4> kRecipes{{{"standard", Recipe::standard},
                                               {"vww", Recipe::vww},
                                               {"light", Recipe::light},
                                               {"none", Recipe::none}}};

// docs/method.md section 6: at 128 px the short side becomes 147.
constexpr double kTestResizeRatio = 147.0 / 128.0;
constexpr double kJitter = 0.4;

/// Half to even, as Python's round().
int round_to_int(double value) {
  return static_cast<int>(std::nearbyint(value));
}

/// torchvision's RandomResizedCrop.get_params: area 0.08-1 of the image, aspect ratio 3/4-4/3,
/// uniform in the logarithm; after ten misses the largest central crop within the ratios.
void draw_crop(int height, int width, RandomStream& random, Augmentation& augmentation) {
  constexpr double kMinScale = 0.08, kMaxScale = 1.0, kMinRatio = 3.0 / 4, kMaxRatio = 4.0 / 3;
  constexpr int kTries = 10;
  const double area = static_cast<double>(height) * width;
  for (int i = 0; i < kTries; ++i) {
    const double crop_area = area * random.uniform(kMinScale, kMaxScale);
    const double ratio = std::exp(random.uniform(std::log(kMinRatio), std::log(kMaxRatio)));
    const int crop_width = round_to_int(std::sqrt(crop_area * ratio));
    const int crop_height = round_to_int(std::sqrt(crop_area / ratio));
    if (crop_width < 1 || crop_width > width || crop_height < 1 || crop_height > height) continue;
    augmentation.crop_top = static_cast<int>(random.below(height - crop_height + 1));
    augmentation.crop_left = static_cast<int>(random.below(width - crop_width + 1));
    augmentation.crop_height = crop_height;
    augmentation.crop_width = crop_width;
    return;
  }
  int crop_height = height, crop_width = width;
  const double ratio = static_cast<double>(width) / height;
  if (ratio < kMinRatio) crop_height = std::min(height, round_to_int(width / kMinRatio));
  if (ratio > kMaxRatio) crop_width = std::min(width, round_to_int(height * kMaxRatio));
  augmentation.crop_top = (height - crop_height) / 2;
  augmentation.crop_left = (width - crop_width) / 2;
  augmentation.crop_height = crop_height;
  augmentation.crop_width = crop_width;
}

ColorJitter draw_jitter(RandomStream& random) {
  ColorJitter jitter;
  for (float* factor : {&jitter.brightness, &jitter.contrast, &jitter.saturation}) {
    *factor = static_cast<float>(random.uniform(1 - kJitter, 1 + kJitter));
  }
  shuffle(std::span<ColorChange>(jitter.order), random);
  return jitter;
}

}  // namespace

Recipe parse_recipe(std::string_view name) {
  for (const NamedRecipe& known : kRecipes) {
    if (known.name == name) return known.recipe;
  }
  fail("unknown augmentation recipe \"", name, "\", expected standard, vww, light or none");
}

Transform::Transform(TransformOptions options) : options_(options) {
  if (options_.image_size < 1 || options_.image_size > kMaxImageSize) {
    fail("image size ", options_.image_size, " is out of range, expected 1 to ", kMaxImageSize);
  }
}

Augmentation Transform::draw(int height, int width, RandomStream& random) const {
  Augmentation augmentation;
  augmentation.crop_height = height;
  augmentation.crop_width = width;
  if (options_.recipe == Recipe::none) return augmentation;
  if (options_.recipe == Recipe::standard) draw_crop(height, width, random, augmentation);
  if (options_.recipe == Recipe::light) {
    const int padding = options_.image_size / 8;
    augmentation.shift_y = static_cast<int>(random.below(2 * padding + 1)) - padding;
    augmentation.shift_x = static_cast<int>(random.below(2 * padding + 1)) - padding;
  }
  augmentation.flip = random.uniform() < 0.5;
  if (options_.recipe == Recipe::standard) {
    augmentation.jitter = true;
    augmentation.colors = draw_jitter(random);
  }
  return augmentation;
}

ImagePart Transform::train_part(const ImageView& image, const Augmentation& augmentation) const {
  kernels::ImageTransform transform =
      resize_only(augmentation.crop_height, augmentation.crop_width, image_size());
  transform.flip = augmentation.flip;
  transform.jitter = augmentation.jitter;
  transform.colors = augmentation.colors;
  transform.shift_y = augmentation.shift_y;
  transform.shift_x = augmentation.shift_x;
  return {image.crop(augmentation.crop_top, augmentation.crop_left, augmentation.crop_height,
                     augmentation.crop_width),
          transform};
}

ImagePart Transform::test_part(const ImageView& image) const {
  const int size = image_size();
  kernels::ImageTransform transform = resize_only(image.height, image.width, size);
  if (options_.recipe == Recipe::standard) {
    const double short_side = std::round(size * kTestResizeRatio);
    const double factor = short_side / std::min(image.height, image.width);
    transform.target_height = static_cast<int>(std::lround(image.height * factor));
    transform.target_width = static_cast<int>(std::lround(image.width * factor));
    transform.window_top = round_to_int((transform.target_height - size) / 2.0);
    transform.window_left = round_to_int((transform.target_width - size) / 2.0);
  }
  return {image, transform};
}

void Transform::train(const ImageView& image, const Augmentation& augmentation,
                      TransformScratch& scratch, uint8_t* out) const {
  const ImagePart part = train_part(image, augmentation);
  transform_image(part.transform, part.pixels, image_size(), scratch, out);
}

void Transform::test(const ImageView& image, TransformScratch& scratch, uint8_t* out) const {
  const ImagePart part = test_part(image);
  transform_image(part.transform, part.pixels, image_size(), scratch, out);
}

}  // namespace trady
