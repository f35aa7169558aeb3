// A picture file as it is: JPEG with its EXIF data, BMP, PNM, or what is refused by name. What a
// fuzzer makes of it depends on the seeds.
#include "tests/fuzz/decode_input.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  decode_input(input);
}

}  // namespace trady::fuzz
