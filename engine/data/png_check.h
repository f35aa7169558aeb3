// What is read of a PNG file, and looked at, before stb_image decodes it.
#pragma once

#include <span>
#include <string>

#include "engine/data/file_facts.h"

namespace trady {

bool is_png(std::span<const uint8_t> file);

/// CRC-32 of a chunk's name and content [annex D].
uint32_t png_checksum(std::span<const uint8_t> bytes);

/// Fails, naming the file as `name`, if it is truncated, has no pixels or more than `max_pixels`, a
/// chunk that pixels depend on does not
/// match its checksum (stb_image looks at none), or there is such a chunk that the standard does
/// not know, as in Apple's PNG files with red and blue exchanged. [PNG, third edition, section 5]
/// A palette with fewer colours than a pixel can name is mended: the others are black, as Pillow
/// has it; stb_image takes them from uninitialised memory.
FileFacts check_png(std::span<const uint8_t> file, const std::string& name, int64_t max_pixels);

}  // namespace trady
