#include "engine/data/file_facts.h"

#include "engine/error.h"

namespace trady {

void require_picture_size(int64_t width, int64_t height, int64_t max_pixels,
                          const std::string& name) {
  if (width < 1 || height < 1) {
    fail(name, " is corrupt: it claims ", width, " x ", height,
         " pixels; replace or remove the file");
  }
  if (width > max_pixels / height) {
    fail(name, " claims ", width, " x ", height, " pixels, more than the ", max_pixels / 1'000'000,
         " megapixels that are accepted; make it smaller or remove the file");
  }
}

}  // namespace trady
