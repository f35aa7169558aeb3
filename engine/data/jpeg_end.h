// Whether a JPEG file is complete.
#pragma once

#include <cstdint>
#include <span>

namespace trady {

bool is_jpeg(std::span<const uint8_t> file);

/// Walks the file's segments to the end-of-image marker. Decoders fill what is missing of a
/// truncated file with grey and report nothing, so this is looked at before.
bool jpeg_reaches_its_end(std::span<const uint8_t> file);

}  // namespace trady
