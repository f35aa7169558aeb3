// EXIF data alone.
#include "engine/data/exif.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  const int orientation = exif_orientation(input);
  require(orientation >= 1 && orientation <= 8, "an orientation is one of eight");
}

}  // namespace trady::fuzz
