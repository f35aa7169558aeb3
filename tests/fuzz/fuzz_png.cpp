// A PNG file whose checksums are made right first: no fuzzer finds them, and it would come no
// further.
#include <vector>

#include "engine/data/png_check.h"
#include "tests/fuzz/decode_input.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {
namespace {

constexpr size_t kSignatureBytes = 8, kLengthBytes = 4, kNameBytes = 4, kChecksumBytes = 4;

uint32_t length_at(std::span<const uint8_t> file, size_t at) {
  uint32_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length = length << 8 | file[at + i];
  return length;
}

}  // namespace

void run_target(std::span<const uint8_t> input) {
  std::vector<uint8_t> file(input.begin(), input.end());
  constexpr size_t kAround = kLengthBytes + kNameBytes + kChecksumBytes;
  for (size_t at = kSignatureBytes; at + kAround <= file.size();) {
    const size_t length = length_at(file, at);
    if (length > file.size() - at - kAround) break;
    const size_t end = at + kLengthBytes + kNameBytes + length;
    const uint32_t checksum =
        png_checksum(std::span(file).subspan(at + kLengthBytes, kNameBytes + length));
    for (size_t i = 0; i < kChecksumBytes; ++i) {
      file[end + i] = static_cast<uint8_t>(checksum >> (8 * (kChecksumBytes - 1 - i)));
    }
    at = end + kChecksumBytes;
  }
  decode_input(file);
}

}  // namespace trady::fuzz
