// Which way up a camera was held: the one thing that is read of a picture's EXIF data.
#pragma once

#include <cstdint>
#include <span>

namespace trady {

/// Pixels are stored the way they are to be seen.
constexpr int kUpright = 1;

/// The tag Orientation, 1 to 8, of the first directory of `tiff`: EXIF data from its byte order on
/// ("II" or "MM"), as JPEG keeps it in APP1 and PNG in eXIf [CIPA DC-008, 4.6.4 A; TIFF 6.0,
/// section 2]. kUpright where there is none, or none that makes sense: cameras and editors write
/// all kinds of EXIF data, and pictures are not refused for it. Offsets are not believed.
int exif_orientation(std::span<const uint8_t> tiff);

}  // namespace trady
