#include "engine/data/jpeg_segments.h"

namespace trady {
namespace {

constexpr uint8_t kMarkerPrefix = 0xFF, kStartOfImage = 0xD8, kEndOfImage = 0xD9;
constexpr uint8_t kFirstRestart = 0xD0, kLastRestart = 0xD7, kTemporary = 0x01;
constexpr size_t kMarkerBytes = 2, kLengthBytes = 2;

bool is_restart(uint8_t code) {
  return code >= kFirstRestart && code <= kLastRestart;
}

}  // namespace

bool is_jpeg(std::span<const uint8_t> file) {
  return file.size() >= kMarkerBytes && file[0] == kMarkerPrefix && file[1] == kStartOfImage;
}

bool walk_jpeg(std::span<const uint8_t> file, const std::function<void(JpegSegment)>& visit) {
  size_t at = kMarkerBytes;
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
      at += kMarkerBytes;
    } else {
      const size_t content = at + kMarkerBytes + kLengthBytes;
      if (content > file.size()) return false;
      const size_t length = size_t{file[content - 2]} << 8 | file[content - 1];
      at += kMarkerBytes + length;
      if (at > file.size()) return false;
      if (length >= kLengthBytes) visit({code, file.subspan(content, length - kLengthBytes)});
    }
  }
  return false;
}

}  // namespace trady
