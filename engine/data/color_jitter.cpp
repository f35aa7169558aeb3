#include "engine/data/color_jitter.h"

#include "engine/data/pixel_kernels.h"
#include "kernels/pixel_arithmetic.h"

namespace trady {
namespace {

float mean_grey(const PlanarImage& image) {
  int64_t sum = 0;
  for (int y = 0; y < image.height; ++y) {
    sum +=
        pixel_kernels().sum_grey(&image.pixels[y * image.row_bytes()], image.stride, image.width);
  }
  return kernels::mean_grey(sum, image.height, image.width);
}

void blend_with_constant(float base, float factor, PlanarImage& image) {
  pixel_kernels().blend_with_constant(base, factor, static_cast<int64_t>(image.pixels.size()),
                                      image.pixels.data());
}

void blend_with_grey(float factor, PlanarImage& image) {
  for (int y = 0; y < image.height; ++y) {
    pixel_kernels().blend_with_grey(factor, image.stride, image.stride,
                                    &image.pixels[y * image.row_bytes()]);
  }
}

}  // namespace

void apply_color_jitter(const ColorJitter& jitter, PlanarImage& image) {
  for (const ColorChange change : jitter.order) {
    switch (change) {
      case ColorChange::brightness:
        blend_with_constant(0, jitter.brightness, image);
        break;
      case ColorChange::contrast:
        blend_with_constant(mean_grey(image), jitter.contrast, image);
        break;
      case ColorChange::saturation:
        blend_with_grey(jitter.saturation, image);
        break;
    }
  }
}

}  // namespace trady
