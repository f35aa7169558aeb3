// From a decoded image to the network's input square: the recipes of docs/method.md section 6.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/data/color_jitter.h"
#include "engine/data/image.h"
#include "engine/data/image_transform.h"
#include "engine/random.h"

namespace trady {

/// What happens in training / in testing, S = image_size:
enum class Recipe {
  standard,  ///< RandomResizedCrop + flip + colour jitter / short side to S * 147 / 128, centre
             ///< crop
  vww,       ///< resize to S x S + flip / resize to S x S
  light,     ///< resize to S x S, shift by up to S / 8 with black edges, flip / resize to S x S
  none,      ///< resize to S x S / resize to S x S
};

/// Fails on an unknown name, listing the known ones.
Recipe parse_recipe(std::string_view name);

struct TransformOptions {
  int image_size = 128;
  Recipe recipe = Recipe::standard;
};

/// All that chance decides about one training image. No recipe shifts and jitters.
struct Augmentation {
  int crop_top = 0, crop_left = 0, crop_height = 0, crop_width = 0;  ///< in source pixels
  int shift_y = 0, shift_x = 0;                                      ///< in output pixels
  bool flip = false;
  bool jitter = false;
  ColorJitter colors;
};

/// The pixels of an image that count, and what is done with them; transform.offset is left 0.
struct ImagePart {
  ImageView pixels;
  kernels::ImageTransform transform;
};

class Transform {
 public:
  /// Fails unless 1 <= image_size <= kMaxImageSize (engine/limits.h).
  explicit Transform(TransformOptions options);

  int image_size() const { return options_.image_size; }
  int64_t output_bytes() const { return int64_t{3} * image_size() * image_size(); }

  /// Draws for an image of this size. Uses nothing but `random`.
  Augmentation draw(int height, int width, RandomStream& random) const;
  ImagePart train_part(const ImageView& image, const Augmentation& augmentation) const;
  ImagePart test_part(const ImageView& image) const;
  /// Of the part that train_part() says.  out: [S, S, 3]
  void train(const ImageView& image, const Augmentation& augmentation, TransformScratch& scratch,
             uint8_t* out) const;
  /// Of the part that test_part() says.  out: [S, S, 3]
  void test(const ImageView& image, TransformScratch& scratch, uint8_t* out) const;

 private:
  TransformOptions options_;
};

}  // namespace trady
