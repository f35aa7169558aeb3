#include "tests/fuzz/decode_input.h"

#include "engine/data/image_file.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void decode_input(std::span<const uint8_t> file) {
  constexpr int64_t kMostPixels = 1 << 16;
  int64_t peak_bytes = 0;
  const Image image =
      decode_image(file, "input", {.max_pixels = kMostPixels, .peak_bytes = &peak_bytes});
  require(image.bytes() == int64_t{3} * image.height * image.width, "a picture has its pixels");
  require(peak_bytes > image.bytes(), "memory is counted");
  const Image again = decode_image(file, "input", {.max_pixels = kMostPixels});
  require(again.pixels == image.pixels, "a file has the same pixels each time");
}

}  // namespace trady::fuzz
