#include "engine/data/jpeg_check.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <string_view>

#include "engine/data/jpeg_segments.h"
#include "engine/error.h"

namespace trady {
namespace {

using namespace std::string_view_literals;

constexpr const char* kRemedy = "; replace or remove the file";
constexpr const char* kConvert = "; convert it to an ordinary JPEG or to PNG";

// Codes of markers [ITU T.81, table B.1].
constexpr uint8_t kFirstFrame = 0xC0, kLastFrame = 0xCF, kHuffmanTables = 0xC4, kReserved = 0xC8;
constexpr uint8_t kArithmeticConditions = 0xCC, kScan = 0xDA, kApp1 = 0xE1, kApp14 = 0xEE;

constexpr auto kExifTag = "Exif\0\0"sv, kAdobeTag = "Adobe\0"sv;
constexpr size_t kAdobeBytes = 12, kAdobeTransformAt = 11;
constexpr uint8_t kAdobeCmyk = 0, kAdobeYcck = 2;

/// A progressive photograph has about ten scans. More are a matter of how large it is: each goes
/// over all of it, and has to hold next to nothing.
constexpr int64_t kUsualScans = 20, kMostScannedPixels = 2'000'000'000;

bool begins_with(std::span<const uint8_t> content, std::string_view tag) {
  return content.size() >= tag.size() &&
         std::equal(tag.begin(), tag.end(), content.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

class JpegReader {
 public:
  JpegReader(std::span<const uint8_t> file, const std::string& name) : file_(file), name_(name) {}

  FileFacts read(int64_t max_pixels) {
    const bool whole = walk_jpeg(file_, [this](JpegSegment segment) { visit(segment); });
    if (!whole) {
      fail(name_, " is a truncated JPEG: no end-of-image marker within its ", file_.size(),
           " bytes", kRemedy);
    }
    if (!has_frame_) fail(name_, " is corrupt: a JPEG without a frame", kRemedy);
    require_picture_size(facts_.width, facts_.height, max_pixels, name_);
    require_scans();
    if (components_.size() == 4) facts_.mended = with_known_colours();
    return std::move(facts_);
  }

 private:
  void visit(JpegSegment segment) {
    const auto [code, content] = segment;
    if (code == kHuffmanTables) {
      require_huffman_tables(content);
    } else if (code >= kFirstFrame && code <= kLastFrame && code != kReserved &&
               code != kArithmeticConditions) {
      if (!has_frame_) read_frame(code, content);
    } else if (code == kScan) {
      read_scan(content);
    } else if (code == kApp1 && !has_exif_ && scans_ == 0 && begins_with(content, kExifTag)) {
      has_exif_ = true;
      facts_.orientation = exif_orientation(content.subspan(kExifTag.size()));
    } else if (code == kApp14 && content.size() >= kAdobeBytes && begins_with(content, kAdobeTag)) {
      adobe_transform_ = content.data() + kAdobeTransformAt;
    }
  }

  void read_frame(uint8_t code, std::span<const uint8_t> content) {
    constexpr std::array<const char*, 16> kKinds{"",
                                                 "",
                                                 "",
                                                 "lossless",
                                                 "",
                                                 "hierarchical",
                                                 "hierarchical",
                                                 "hierarchical",
                                                 "",
                                                 "arithmetic-coded",
                                                 "arithmetic-coded",
                                                 "arithmetic-coded",
                                                 "",
                                                 "arithmetic-coded",
                                                 "arithmetic-coded",
                                                 "arithmetic-coded"};
    const std::string_view kind = kKinds[code - kFirstFrame];
    if (!kind.empty()) fail(name_, ": ", kind, " JPEG files cannot be decoded", kConvert);
    constexpr size_t kHeaderBytes = 6, kComponentBytes = 3;
    const size_t count = content.size() < kHeaderBytes ? 0 : content[kHeaderBytes - 1];
    if (count == 0 || content.size() != kHeaderBytes + kComponentBytes * count) {
      fail(name_, " is corrupt: its JPEG frame has ", content.size(), " bytes", kRemedy);
    }
    if (content[0] != 8) {
      fail(name_, ": JPEG files of ", int{content[0]}, " bits cannot be decoded", kConvert);
    }
    if (count != 1 && count != 3 && count != 4) {
      fail(name_, ": JPEG files of ", count, " components cannot be decoded", kConvert);
    }
    facts_.height = content[1] << 8 | content[2];
    facts_.width = content[3] << 8 | content[4];
    for (size_t i = 0; i < count; ++i) {
      components_.push_back(content[kHeaderBytes + i * kComponentBytes]);
    }
    has_frame_ = true;
  }

  /// A table: class and number, how many codes have 1, 2, ... 16 bits, and what they stand for.
  void require_huffman_tables(std::span<const uint8_t> content) {
    constexpr size_t kLengths = 16, kHeaderBytes = 1 + kLengths, kMostCodes = 256;
    while (!content.empty()) {
      size_t codes = 0, bytes = kHeaderBytes;
      if (content.size() >= kHeaderBytes) {
        for (size_t i = 1; i < kHeaderBytes; ++i) codes += content[i];
        bytes += codes;
      }
      if (content.size() < bytes || codes > kMostCodes) {
        fail(name_, " is corrupt: a JPEG Huffman table claims ", codes, " codes in ",
             content.size(), " bytes", kRemedy);
      }
      content = content.subspan(bytes);
    }
  }

  /// The number of components, then each one's name and tables.
  void read_scan(std::span<const uint8_t> content) {
    ++scans_;
    const size_t count = content.empty() ? 0 : content[0];
    for (size_t i = 0; i < count && 1 + 2 * i < content.size(); ++i)
      scanned_[content[1 + 2 * i]] = true;
  }

  void require_scans() {
    for (const uint8_t component : components_) {
      if (!scanned_[component]) {
        fail(name_, " is corrupt: component ", int{component}, " of the JPEG has no data", kRemedy);
      }
    }
    const int64_t pixels = facts_.width * facts_.height;
    if (scans_ > kUsualScans && scans_ * pixels > kMostScannedPixels) {
      fail(name_, " is refused: ", scans_, " scans over ", pixels, " pixels", kConvert);
    }
  }

  /// The file with an Adobe segment that says what libjpeg assumes: CMYK without such a segment,
  /// YCCK where its code is unknown. stb_image takes these for YCbCr and a channel of no meaning.
  std::vector<uint8_t> with_known_colours() const {
    constexpr auto kAdobeSegment =
        "\xFF\xEE\0\x0E"
        "Adobe\0\x64\0\0\0\0\0"sv;
    static_assert(kAdobeSegment.size() == 4 + kAdobeBytes && kAdobeSegment.back() == kAdobeCmyk);
    constexpr std::ptrdiff_t kStartOfImageBytes = 2;
    std::vector<uint8_t> mended;
    if (adobe_transform_ == nullptr) {
      mended.reserve(file_.size() + kAdobeSegment.size());
      mended.assign(file_.begin(), file_.end());
      mended.insert(mended.begin() + kStartOfImageBytes, kAdobeSegment.begin(),
                    kAdobeSegment.end());
    } else if (*adobe_transform_ != kAdobeCmyk && *adobe_transform_ != kAdobeYcck) {
      mended.assign(file_.begin(), file_.end());
      mended[static_cast<size_t>(adobe_transform_ - file_.data())] = kAdobeYcck;
    }
    return mended;
  }

  const std::span<const uint8_t> file_;
  const std::string& name_;
  FileFacts facts_;
  bool has_frame_ = false, has_exif_ = false;
  int64_t scans_ = 0;
  std::vector<uint8_t> components_;           ///< their names, by the frame
  std::bitset<256> scanned_;                  ///< by name
  const uint8_t* adobe_transform_ = nullptr;  ///< of the last Adobe segment, in the file
};

}  // namespace

FileFacts check_jpeg(std::span<const uint8_t> file, const std::string& name, int64_t max_pixels) {
  return JpegReader(file, name).read(max_pixels);
}

}  // namespace trady
