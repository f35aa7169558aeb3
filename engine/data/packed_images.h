// The images of a batch as they go to a device that transforms them: packed one after the other,
// with a table of what is to be done with each.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/data/transform.h"

namespace trady {

/// Bounds the memory of a batch, and the time to copy it, whatever the images are: of a larger part
/// the host makes the finished square.
constexpr int64_t kMostBytesPerSquareByte = 4;

/// What one image adds to a batch at most, for squares of size x size.
constexpr int64_t max_packed_bytes(int size) {
  return kMostBytesPerSquareByte * 3 * size * size;
}

/// Several threads may add at once. Where an image lies depends on which was first; what becomes of
/// it does not.
class PackedImages {
 public:
  PackedImages() = default;
  /// Room for `capacity` images on their way to size x size.
  void allocate(int64_t capacity, int size);
  /// Forgets all images. No thread adds meanwhile.
  void clear() { used_ = 0; }
  /// `row` < capacity, once each. Copies the part, or its finished square.
  void add(int64_t row, const ImagePart& part, TransformScratch& scratch);

  const uint8_t* data() const { return pixels_.data(); }
  /// Of the images that were added.
  int64_t bytes() const { return used_; }
  const kernels::ImageTransform* transforms() const { return transforms_.data(); }
  int64_t allocated_bytes() const;

 private:
  int size_ = 0;
  std::vector<uint8_t> pixels_;
  std::vector<kernels::ImageTransform> transforms_;
  std::atomic<int64_t> used_ = 0;
};

}  // namespace trady
