// Names for files that are no picture that this project decodes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace trady {

/// Fails, naming the file as `name`, the format that its first bytes are of (WebP, HEIC, AVIF,
/// TIFF, GIF, JPEG XL, JPEG 2000, ..., or a web page that was saved under a picture's name) and the
/// remedy.
[[noreturn]] void refuse_foreign_format(std::span<const uint8_t> file, const std::string& name);

}  // namespace trady
