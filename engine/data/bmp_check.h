// Whether a BMP file holds what its header promises.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace trady {

bool is_bmp(std::span<const uint8_t> file);

/// Decoders fill what is missing of a truncated file, and take colours that the palette lacks from
/// uninitialised memory, so this is looked at before. Fails, naming the file as `name`, if the
/// pixels begin within the header or end beyond the file, or if one's colour is not in the palette.
void require_whole_bmp(std::span<const uint8_t> file, const std::string& name);

}  // namespace trady
