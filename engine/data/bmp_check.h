// What is read of a BMP file, and looked at, before stb_image decodes it.
#pragma once

#include <span>
#include <string>

#include "engine/data/file_facts.h"

namespace trady {

bool is_bmp(std::span<const uint8_t> file);

/// Decoders fill what is missing of a truncated file, and take colours that the palette lacks from
/// uninitialised memory, so this is looked at before. Fails, naming the file as `name`, if it has
/// no pixels or more than `max_pixels`, is of a kind that stb_image does not decode, if the pixels
/// begin within the header or end beyond the file, or if one's colour is not in the palette.
FileFacts check_bmp(std::span<const uint8_t> file, const std::string& name, int64_t max_pixels);

}  // namespace trady
