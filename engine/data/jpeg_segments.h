// A JPEG file as the sequence of its marker segments [ITU T.81, annex B.1].
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace trady {

bool is_jpeg(std::span<const uint8_t> file);

struct JpegSegment {
  uint8_t code;                      ///< second byte of its marker
  std::span<const uint8_t> content;  ///< after the marker and the two bytes of its length
};

/// Visits what has a length, up to the end-of-image marker; entropy-coded data is skipped. Returns
/// whether that marker is there: a file without it is truncated, and decoders fill what is missing
/// with grey and report nothing.
bool walk_jpeg(std::span<const uint8_t> file, const std::function<void(JpegSegment)>& visit);

}  // namespace trady
