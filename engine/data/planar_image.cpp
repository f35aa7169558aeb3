#include "engine/data/planar_image.h"

#include "engine/data/pixel_kernels.h"

namespace trady {

void interleave(const PlanarImage& image, uint8_t* interleaved) {
  const PixelKernels& kernels = pixel_kernels();
  for (int y = 0; y < image.height; ++y) {
    kernels.interleave(&image.pixels[y * image.row_bytes()], image.stride, image.width,
                       interleaved + int64_t{3} * y * image.width);
  }
}

}  // namespace trady
