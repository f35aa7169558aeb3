// Carries out a kernels::ImageTransform on the host: the oracle of every device that does it too.
#pragma once

#include <cstdint>

#include "engine/data/image.h"
#include "engine/data/planar_image.h"
#include "engine/data/resize.h"
#include "kernels/image_transform.h"

namespace trady {

/// Buffers that a thread reuses from image to image.
struct TransformScratch {
  ResizeScratch resize;
  PlanarImage square;
  Image unshifted;

  int64_t bytes() const {
    return resize.bytes() + static_cast<int64_t>(square.pixels.capacity()) + unshifted.bytes();
  }
};

/// An image of height x width to size x size, and nothing else. Squares of that size stay as they
/// are.
kernels::ImageTransform resize_only(int height, int width, int size);

/// image: the pixels that transform.offset stands for, transform.height x transform.width.
/// out: [size, size, 3]
void transform_image(const kernels::ImageTransform& transform, const ImageView& image, int size,
                     TransformScratch& scratch, uint8_t* out);

}  // namespace trady
