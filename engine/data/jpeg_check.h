// What is read of a JPEG file, and looked at, before stb_image decodes it.
#pragma once

#include <span>
#include <string>

#include "engine/data/file_facts.h"

namespace trady {

/// Fails, naming the file as `name`, if it is truncated, has no pixels or more than `max_pixels`,
/// is of a kind that stb_image does not decode (lossless, arithmetic coding, 12 bits), and where
/// stb_image 2.27 would believe what it must not: Huffman tables that are too long, components
/// without data, thousands of passes over a picture. A CMYK file that leaves open how its colours
/// are meant is mended to say what libjpeg and Pillow take it for.
FileFacts check_jpeg(std::span<const uint8_t> file, const std::string& name, int64_t max_pixels);

}  // namespace trady
