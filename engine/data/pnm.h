// Binary PGM and PPM files: a text header, then the samples, row by row. Read here and not by
// stb_image, whose release in Debian 12 leaves pixels that the file lacks uninitialised, writes
// 16-bit grey beyond its buffer, and does not scale to the largest value.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/data/image.h"

namespace trady {

/// Begins with "P5" (grey) or "P6" (RGB). The text forms P1 to P3 are not read.
bool is_pnm(std::span<const uint8_t> file);

struct PnmHeader {
  int64_t width = 0, height = 0;  ///< at most 2^31 - 1; may be 0
  int channels = 0;               ///< 1: grey, 3: RGB
  int max_value = 0;              ///< of a sample, 1 to 65535; from 256 on a sample has two bytes
  size_t bytes = 0;               ///< of the header

  size_t file_bytes() const {
    return bytes + static_cast<size_t>(width * height) * static_cast<size_t>(channels) *
                       (max_value > 255 ? 2 : 1);
  }
};

/// Fails, naming the file as `name`, if a number is missing or out of range.
PnmHeader read_pnm_header(std::span<const uint8_t> file, const std::string& name);

/// Samples scaled to 0..255 and rounded, as Pillow does; grey becomes RGB by repetition. Fails if
/// the file is shorter than `header` promises.
Image decode_pnm(std::span<const uint8_t> file, const PnmHeader& header, const std::string& name);

}  // namespace trady
