// The one translation unit that holds stb_image_write's code, built without this project's
// warnings.
#include "tools/report/png_writer.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

#include "engine/error.h"

namespace trady::tools {

std::vector<uint8_t> png_of(std::span<const uint8_t> pixels, int side) {
  std::vector<uint8_t> png;
  const auto append = [](void* context, void* data, int size) {
    auto& out = *static_cast<std::vector<uint8_t>*>(context);
    const auto* bytes = static_cast<const uint8_t*>(data);
    out.insert(out.end(), bytes, bytes + size);
  };
  if (!stbi_write_png_to_func(append, &png, side, side, 3, pixels.data(), 3 * side)) {
    fail("a picture of ", side, " x ", side, " px could not be written as PNG");
  }
  return png;
}

}  // namespace trady::tools
