#include "engine/data/packed_images.h"

#include <cstring>

namespace trady {
namespace {

/// out: [height, width, 3]
void copy_pixels(const ImageView& image, uint8_t* out) {
  const int64_t row_bytes = int64_t{3} * image.width;
  if (row_bytes == image.row_bytes) {
    std::memcpy(out, image.pixels, static_cast<size_t>(image.height * row_bytes));
    return;
  }
  for (int y = 0; y < image.height; ++y) {
    std::memcpy(out + y * row_bytes, image.pixels + y * image.row_bytes,
                static_cast<size_t>(row_bytes));
  }
}

}  // namespace

void PackedImages::allocate(int64_t capacity, int size) {
  size_ = size;
  pixels_.resize(static_cast<size_t>(capacity * max_packed_bytes(size)));
  transforms_.resize(static_cast<size_t>(capacity));
}

void PackedImages::add(int64_t row, const ImagePart& part, TransformScratch& scratch) {
  const int64_t part_bytes = int64_t{3} * part.pixels.height * part.pixels.width;
  const bool as_it_is = part_bytes <= max_packed_bytes(size_);
  const int64_t offset = used_.fetch_add(as_it_is ? part_bytes : int64_t{3} * size_ * size_);
  kernels::ImageTransform& transform = transforms_[static_cast<size_t>(row)];
  if (as_it_is) {
    copy_pixels(part.pixels, &pixels_[static_cast<size_t>(offset)]);
    transform = part.transform;
  } else {
    transform_image(part.transform, part.pixels, size_, scratch,
                    &pixels_[static_cast<size_t>(offset)]);
    transform = resize_only(size_, size_, size_);
  }
  transform.offset = offset;
}

int64_t PackedImages::allocated_bytes() const {
  return static_cast<int64_t>(pixels_.capacity() +
                              transforms_.capacity() * sizeof(kernels::ImageTransform));
}

}  // namespace trady
