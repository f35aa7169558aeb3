#include "engine/data/png_check.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/error.h"

namespace trady {
namespace {

using namespace std::string_view_literals;

constexpr const char* kRemedy = "; replace or remove the file";
constexpr std::array<uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
// A chunk: length of its content, name, content, checksum of name and content.
constexpr size_t kLengthBytes = 4, kNameBytes = 4, kChecksumBytes = 4;

uint32_t big_endian(std::span<const uint8_t> file, size_t at) {
  return uint32_t{file[at]} << 24 | uint32_t{file[at + 1]} << 16 | uint32_t{file[at + 2]} << 8 |
         file[at + 3];
}

constexpr std::array<uint32_t, 256> kChecksumSteps = [] {
  std::array<uint32_t, 256> steps{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
    steps[byte] = value;
  }
  return steps;
}();

struct Chunk {
  size_t at;              ///< in the file
  std::string_view name;  ///< four letters; upper-case first: pixels depend on it
  std::span<const uint8_t> content;
  bool intact;
};

class PngReader {
 public:
  PngReader(std::span<const uint8_t> file, const std::string& name) : file_(file), name_(name) {}

  FileFacts read(int64_t max_pixels) {
    for (size_t at = kSignature.size();;) {
      const Chunk chunk = chunk_at(at);
      visit(chunk);
      if (chunk.name == "IEND") {
        require_picture_size(facts_.width, facts_.height, max_pixels, name_);
        return std::move(facts_);
      }
      at += kLengthBytes + kNameBytes + chunk.content.size() + kChecksumBytes;
    }
  }

 private:
  Chunk chunk_at(size_t at) const {
    const size_t left = file_.size() - at, around = kLengthBytes + kNameBytes + kChecksumBytes;
    const size_t length = left < around ? 0 : big_endian(file_, at);
    if (left < around || left - around < length) {
      fail(name_, " is a truncated PNG: no end of image within its ", file_.size(), " bytes",
           kRemedy);
    }
    const size_t content = at + kLengthBytes + kNameBytes;
    const auto checked = file_.subspan(at + kLengthBytes, kNameBytes + length);
    return {at,
            {reinterpret_cast<const char*>(checked.data()), kNameBytes},
            file_.subspan(content, length),
            png_checksum(checked) == big_endian(file_, content + length)};
  }

  void visit(const Chunk& chunk) {
    const auto is_letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
    if (!std::ranges::all_of(chunk.name, is_letter)) {
      fail(name_, " is corrupt: no PNG chunk at byte ", chunk.at, kRemedy);
    }
    if (chunk.name == "CgBI") {
      fail(name_, " is a PNG file in Apple's own layout, which cannot be decoded; ",
           "convert it to an ordinary PNG");
    }
    constexpr std::array kKnown{"IHDR"sv, "PLTE"sv, "IDAT"sv, "IEND"sv};
    const bool optional = (chunk.name[0] & 0x20) != 0;
    if (!optional && std::ranges::find(kKnown, chunk.name) == kKnown.end()) {
      fail(name_, " cannot be decoded: it needs a PNG chunk \"", chunk.name,
           "\", which is not known; convert it to an ordinary PNG");
    }
    if (!optional && !chunk.intact) {
      fail(name_, " is corrupt: the checksum of its PNG chunk ", chunk.name, " at byte ", chunk.at,
           " is wrong", kRemedy);
    }
    if (chunk.name == "IHDR") read_header(chunk.content);
    if (chunk.name == "IDAT") require_image_data(chunk);
    if (chunk.name == "PLTE" && facts_.mended.empty()) mend_palette(chunk);
    if (chunk.name == "eXIf" && chunk.intact) read_exif(chunk.content);
  }

  void read_header(std::span<const uint8_t> content) {
    constexpr size_t kBytes = 13, kDepthAt = 8, kColourTypeAt = 9;
    constexpr uint8_t kPalette = 3, kMostPaletteDepth = 8;
    if (content.size() != kBytes) {
      fail(name_, " is corrupt: its PNG header has ", content.size(), " bytes, expected ", kBytes,
           kRemedy);
    }
    facts_.width = big_endian(content, 0);
    facts_.height = big_endian(content, 4);
    const uint8_t depth = content[kDepthAt];
    colours_ = content[kColourTypeAt] == kPalette && depth <= kMostPaletteDepth ? 1u << depth : 0;
  }

  /// stb_image copies an empty first piece to a null pointer.
  void require_image_data(const Chunk& chunk) {
    has_image_data_ = has_image_data_ || !chunk.content.empty();
    if (!has_image_data_) {
      fail(name_, " cannot be decoded: its first PNG chunk IDAT, at byte ", chunk.at,
           ", is empty; save it anew as an ordinary PNG");
    }
  }

  void mend_palette(const Chunk& chunk) {
    constexpr size_t kColourBytes = 3;
    const size_t wanted = kColourBytes * colours_, bytes = chunk.content.size();
    if (bytes >= wanted) return;
    facts_.mended.reserve(file_.size() + wanted);
    facts_.mended.assign(file_.begin(), file_.end());
    const auto end = static_cast<std::ptrdiff_t>(chunk.at + kLengthBytes + kNameBytes + bytes);
    facts_.mended.insert(facts_.mended.begin() + end, wanted - bytes, uint8_t{0});
    // Below 2^16; the checksum has been looked at.
    facts_.mended[chunk.at + 2] = static_cast<uint8_t>(wanted >> 8);
    facts_.mended[chunk.at + 3] = static_cast<uint8_t>(wanted);
  }

  /// Some writers keep the tag that JPEG has before it.
  void read_exif(std::span<const uint8_t> content) {
    constexpr std::array<uint8_t, 6> kJpegTag{'E', 'x', 'i', 'f', 0, 0};
    const bool tagged = content.size() >= kJpegTag.size() &&
                        std::equal(kJpegTag.begin(), kJpegTag.end(), content.begin());
    facts_.orientation = exif_orientation(tagged ? content.subspan(kJpegTag.size()) : content);
  }

  const std::span<const uint8_t> file_;
  const std::string& name_;
  FileFacts facts_;
  bool has_image_data_ = false;
  uint32_t colours_ = 0;  ///< that a pixel can name; 0: no palette
};

}  // namespace

bool is_png(std::span<const uint8_t> file) {
  return file.size() >= kSignature.size() &&
         std::equal(kSignature.begin(), kSignature.end(), file.begin());
}

uint32_t png_checksum(std::span<const uint8_t> bytes) {
  uint32_t value = 0xFFFFFFFFu;
  for (const uint8_t byte : bytes) value = kChecksumSteps[(value ^ byte) & 0xFF] ^ value >> 8;
  return ~value;
}

FileFacts check_png(std::span<const uint8_t> file, const std::string& name, int64_t max_pixels) {
  return PngReader(file, name).read(max_pixels);
}

}  // namespace trady
