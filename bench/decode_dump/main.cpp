// Writes what bench/peers/decode_check.py compares with Pillow: for every image named on the
// command line its height and width (int32), its decoded pixels [height, width, 3], and the 128 px
// test transform [128, 128, 3].
#include <cstdio>
#include <exception>
#include <vector>

#include "engine/data/image_file.h"
#include "engine/data/transform.h"
#include "engine/error.h"

namespace {

void write_all(const void* data, size_t bytes) {
  if (std::fwrite(data, 1, bytes, stdout) != bytes) trady::fail("cannot write to standard output");
}

void dump(const char* path) {
  const trady::Image image = trady::load_image(path);
  const int32_t size[2] = {image.height, image.width};
  write_all(size, sizeof size);
  write_all(image.pixels.data(), image.pixels.size());
  const trady::Transform transform({128, trady::Recipe::standard});
  trady::TransformScratch scratch;
  std::vector<uint8_t> square(static_cast<size_t>(transform.output_bytes()));
  transform.test(image, scratch, square.data());
  write_all(square.data(), square.size());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    for (int i = 1; i < argc; ++i) dump(argv[i]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "decode_dump: %s\n", error.what());
    return 1;
  }
}
