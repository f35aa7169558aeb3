// Images and labels as MNIST has them. The first two bytes say how many of the others are the
// images' file, and whether both are called packed.
#include <algorithm>

#include "engine/data/idx.h"
#include "engine/error.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  if (input.size() < 2) return;
  static MemoryFile images("images"), labels("labels");
  static MemoryFile packed_images("images.gz"), packed_labels("labels.gz");
  const bool packed = (input[0] & 0x80) != 0;
  const auto files = input.subspan(2);
  const size_t first = std::min<size_t>(files.size(), (input[0] & 0x7Fu) << 8 | input[1]);
  MemoryFile& images_file = packed ? packed_images : images;
  MemoryFile& labels_file = packed ? packed_labels : labels;
  images_file.set(files.first(first));
  labels_file.set(files.subspan(first));

  const IdxDataset data(images_file.path(), labels_file.path());
  for (int64_t i = 0; i < data.size(); ++i) {
    require(data.label(i) < data.class_count(), "labels are classes");
    require(!data.load(i).pixels.empty(), "images have pixels");
  }
}

}  // namespace trady::fuzz
