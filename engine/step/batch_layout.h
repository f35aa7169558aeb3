// One batch in device memory, as one block so that one copy brings it: what the step is told and
// tells, labels and, on a device beside the host, the images.
#pragma once

#include <cstdint>

#include "engine/data/packed_images.h"
#include "engine/memory/memory_plan.h"
#include "kernels/step_control.h"

namespace trady {

/// In which form a batch's images come to the device.
enum class ImageForm {
  on_host,  ///< not at all: it reads the host's pixels
  pixels,   ///< squares of S x S pixels
  decoded,  ///< packed decoded images, and what makes squares of them
};

struct BatchLayout {
  int64_t batch = 0;
  int image_size = 0;  ///< S
  ImageForm images = ImageForm::on_host;

  int64_t pixel_bytes() const { return 3 * int64_t{image_size} * image_size; }  ///< of one image

  int64_t labels_offset() const { return aligned(sizeof(kernels::StepControl)); }
  int64_t transforms_offset() const {
    return aligned(labels_offset() + batch * int64_t{sizeof(int32_t)});
  }
  int64_t images_offset() const {
    const bool has_table = images == ImageForm::decoded;
    return aligned(transforms_offset() +
                   (has_table ? batch * int64_t{sizeof(kernels::ImageTransform)} : 0));
  }
  int64_t bytes() const {
    switch (images) {
      case ImageForm::on_host:
        return images_offset();
      case ImageForm::pixels:
        return images_offset() + batch * pixel_bytes();
      default:
        return images_offset() + batch * max_packed_bytes(image_size);
    }
  }
};

}  // namespace trady
