#include "engine/data/pnm.h"

#include <algorithm>
#include <limits>

#include "engine/error.h"

namespace trady {
namespace {

constexpr const char* kRemedy = "; replace or remove the file";

bool is_space(uint8_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}

/// The numbers of a header, with white space and comments ("# ..." to the end of the line) between.
class HeaderReader {
 public:
  HeaderReader(std::span<const uint8_t> file, const std::string& name) : file_(file), name_(name) {}

  int64_t number(const char* what, int64_t limit) {
    const size_t before = at_;
    skip_space();
    if (at_ == before || at_ == file_.size() || !is_digit(file_[at_])) {
      fail(name_, " is corrupt: its PNM header has no ", what, " at byte ", at_, kRemedy);
    }
    int64_t value = 0;
    for (; at_ < file_.size() && is_digit(file_[at_]); ++at_) {
      value = 10 * value + (file_[at_] - '0');
      if (value > limit) {
        fail(name_, " is corrupt: the ", what, " in its PNM header is above ", limit, kRemedy);
      }
    }
    return value;
  }

  /// Exactly one separates the header from the samples, whose first byte may look like another.
  void one_space() {
    if (at_ == file_.size() || !is_space(file_[at_])) {
      fail(name_, " is corrupt: no white space ends its PNM header at byte ", at_, kRemedy);
    }
    ++at_;
  }

  size_t position() const { return at_; }

 private:
  void skip_space() {
    while (at_ < file_.size()) {
      if (file_[at_] == '#') {
        while (at_ < file_.size() && file_[at_] != '\n' && file_[at_] != '\r') ++at_;
      } else if (is_space(file_[at_])) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::span<const uint8_t> file_;
  const std::string& name_;
  size_t at_ = 2;  // after "P5" or "P6"
};

}  // namespace

bool is_pnm(std::span<const uint8_t> file) {
  return file.size() >= 2 && file[0] == 'P' && (file[1] == '5' || file[1] == '6');
}

PnmHeader read_pnm_header(std::span<const uint8_t> file, const std::string& name) {
  constexpr int64_t kLargestSide = std::numeric_limits<int32_t>::max();
  constexpr int64_t kLargestValue = 65535;
  HeaderReader reader(file, name);
  PnmHeader header;
  header.channels = file[1] == '6' ? 3 : 1;
  header.width = reader.number("width", kLargestSide);
  header.height = reader.number("height", kLargestSide);
  header.max_value = static_cast<int>(reader.number("largest value", kLargestValue));
  if (header.max_value == 0) {
    fail(name, " is corrupt: the largest value in its PNM header is 0", kRemedy);
  }
  reader.one_space();
  header.bytes = reader.position();
  return header;
}

Image decode_pnm(std::span<const uint8_t> file, const PnmHeader& header, const std::string& name) {
  if (file.size() < header.file_bytes()) {
    fail(name, " is a truncated PNM: its header promises ", header.file_bytes(), " bytes, it has ",
         file.size(), kRemedy);
  }
  Image image(static_cast<int>(header.height), static_cast<int>(header.width));
  const uint8_t* next = file.data() + header.bytes;
  const auto max_value = static_cast<uint32_t>(header.max_value);
  const auto sample = [&]() -> uint8_t {
    uint32_t value = *next++;
    if (max_value == 255) return static_cast<uint8_t>(value);
    if (max_value > 255) value = value << 8 | *next++;
    const uint32_t scaled = (2 * 255 * value + max_value) / (2 * max_value);
    return static_cast<uint8_t>(std::min(scaled, uint32_t{255}));
  };
  if (header.channels == 3) {
    for (uint8_t& value : image.pixels) value = sample();
  } else {
    for (size_t i = 0; i < image.pixels.size(); i += 3) {
      std::fill_n(&image.pixels[i], 3, sample());
    }
  }
  return image;
}

}  // namespace trady
