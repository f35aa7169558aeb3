#include "engine/data/jpeg_end.h"

namespace trady {
namespace {

constexpr uint8_t kMarkerPrefix = 0xFF, kStartOfImage = 0xD8, kEndOfImage = 0xD9;
constexpr uint8_t kFirstRestart = 0xD0, kLastRestart = 0xD7, kTemporary = 0x01;

bool is_restart(uint8_t code) {
  return code >= kFirstRestart && code <= kLastRestart;
}

}  // namespace

bool is_jpeg(std::span<const uint8_t> file) {
  return file.size() >= 2 && file[0] == kMarkerPrefix && file[1] == kStartOfImage;
}

bool jpeg_reaches_its_end(std::span<const uint8_t> file) {
  size_t at = 2;
  while (at + 1 < file.size()) {
    // Between segments nothing but fill bytes is allowed, but decoders skip what they find there;
    // entropy-coded data is skipped here too: its 0xFF bytes are followed by 0 or a restart code.
    if (file[at] != kMarkerPrefix) {
      ++at;
      continue;
    }
    const uint8_t code = file[at + 1];
    if (code == kEndOfImage) return true;
    if (code == kMarkerPrefix) {
      ++at;
    } else if (code == 0 || code == kTemporary || code == kStartOfImage || is_restart(code)) {
      at += 2;
    } else {
      if (at + 3 >= file.size()) return false;
      at += 2 + (size_t{file[at + 2]} << 8 | file[at + 3]);
    }
  }
  return false;
}

}  // namespace trady
