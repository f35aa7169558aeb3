// What is known of a picture file before stb_image decodes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/exif.h"

namespace trady {

struct FileFacts {
  int64_t width = 0, height = 0;  ///< as stored
  int orientation = kUpright;     ///< as exif.h has it
  std::vector<uint8_t> mended;    ///< what is to be decoded instead; empty: the file as it is
};

/// Fails, naming the file as `name`, on a picture of no pixels, or of more than `max_pixels`.
void require_picture_size(int64_t width, int64_t height, int64_t max_pixels,
                          const std::string& name);

}  // namespace trady
