#include "engine/data/idx.h"

#include <algorithm>
#include <array>

#include "engine/data/gzip.h"
#include "engine/error.h"

namespace trady {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxSide = 16384;
constexpr uint32_t kImagesMagic = 0x00000803, kLabelsMagic = 0x00000801;

bool is_gzip(const fs::path& path) {
  return path.extension() == ".gz";
}

int64_t header_bytes(uint32_t magic) {
  return 4 + 4 * int64_t{magic & 0xFF};
}

std::string hex(uint32_t value) {
  std::ostringstream text;
  text << "0x" << std::hex << value;
  return text.str();
}

/// Sizes from the header: [count] or [count, rows, columns].
std::vector<int64_t> parse_header(const fs::path& path, uint32_t magic, const uint8_t* header) {
  const auto number = [&](int64_t i) {
    const uint8_t* b = header + 4 * i;
    return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | b[3];
  };
  if (number(0) != magic) {
    fail(path.string(), ": magic number ", hex(number(0)), ", expected ", hex(magic),
         magic == kImagesMagic ? " (IDX images)" : " (IDX labels)");
  }
  std::vector<int64_t> sizes;
  for (int64_t i = 1; i < header_bytes(magic) / 4; ++i) sizes.push_back(number(i));
  if (sizes[0] == 0) fail(path.string(), " holds no samples");
  for (size_t i = 1; i < sizes.size(); ++i) {
    if (sizes[i] == 0 || sizes[i] > kMaxSide) {
      fail(path.string(), ": the header claims images of ", sizes[1], " x ", sizes[2],
           " pixels, expected 1 to ", kMaxSide, " a side");
    }
  }
  return sizes;
}

[[noreturn]] void fail_size(const fs::path& path, int64_t has, int64_t wants) {
  fail(path.string(), " has ", has, " bytes, but its header promises ", wants,
       "; download it again");
}

int64_t product(const std::vector<int64_t>& sizes) {
  int64_t elements = 1;  // at most 2^32 * 2^14 * 2^14: no overflow
  for (const int64_t size : sizes) elements *= size;
  return elements;
}

std::vector<int64_t> check_plain(const InputFile& file, uint32_t magic) {
  const int64_t skip = header_bytes(magic);
  if (file.size_bytes() < skip) fail_size(file.path(), file.size_bytes(), skip);
  std::array<uint8_t, 16> header{};
  file.read_at(0, header.data(), skip);
  std::vector<int64_t> sizes = parse_header(file.path(), magic, header.data());
  const int64_t expected = skip + product(sizes);
  if (file.size_bytes() != expected) fail_size(file.path(), file.size_bytes(), expected);
  return sizes;
}

std::vector<uint8_t> unpack(const fs::path& path, uint32_t magic, std::vector<int64_t>& sizes) {
  GzipReader reader(path);
  const int64_t skip = header_bytes(magic);
  std::array<uint8_t, 16> header{};
  const int64_t got = reader.read(header.data(), skip);
  if (got != skip) fail_size(path, got, skip);
  sizes = parse_header(path, magic, header.data());
  const int64_t elements = product(sizes);
  // Deflate cannot shrink data by more than 1032 : 1, so a larger promise is a lie.
  const int64_t packed_bytes = InputFile(path).size_bytes();
  if (elements > packed_bytes * 1032) {
    fail(path.string(), ": the header promises ", elements, " bytes, which ", packed_bytes,
         " packed bytes cannot hold; download it again");
  }
  std::vector<uint8_t> content(static_cast<size_t>(elements));
  const int64_t unpacked = reader.read(content.data(), elements);
  if (unpacked != elements) fail_size(path, skip + unpacked, skip + elements);
  uint8_t beyond = 0;
  if (reader.read(&beyond, 1) != 0) {
    fail(path.string(), " goes on after the ", skip + elements,
         " bytes that its header promises; download it again");
  }
  return content;
}

std::vector<std::string> number_names(int count) {
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace

IdxDataset::IdxDataset(const fs::path& images, const fs::path& labels)
    : images_path_(images), labels_path_(labels) {
  std::vector<int64_t> sizes;
  if (is_gzip(images)) {
    pixels_ = unpack(images, kImagesMagic, sizes);
  } else {
    images_file_ = std::make_unique<InputFile>(images);
    sizes = check_plain(*images_file_, kImagesMagic);
  }
  rows_ = static_cast<int>(sizes[1]);
  columns_ = static_cast<int>(sizes[2]);
  const int64_t image_count = sizes[0];
  if (is_gzip(labels)) {
    labels_ = unpack(labels, kLabelsMagic, sizes);
  } else {
    const InputFile file(labels);
    sizes = check_plain(file, kLabelsMagic);
    labels_.resize(static_cast<size_t>(sizes[0]));
    file.read_at(header_bytes(kLabelsMagic), labels_.data(), sizes[0]);
  }
  if (sizes[0] != image_count) {
    fail(images.string(), " holds ", image_count, " images, but ", labels.string(), " holds ",
         sizes[0], " labels");
  }
  class_names_ = number_names(*std::max_element(labels_.begin(), labels_.end()) + 1);
}

void IdxDataset::set_class_names(const std::vector<std::string>& names) {
  for (size_t i = 0; i < labels_.size(); ++i) {
    if (labels_[i] >= names.size()) {
      fail(labels_path_.string(), ", sample ", i, ": label ", int{labels_[i]},
           " is out of range, the training set has labels 0 to ", names.size() - 1);
    }
  }
  class_names_ = names;
}

Image IdxDataset::load(int64_t index) const {
  const int64_t positions = int64_t{rows_} * columns_;
  std::vector<uint8_t> buffer;
  if (images_file_) {
    buffer.resize(static_cast<size_t>(positions));
    images_file_->read_at(header_bytes(kImagesMagic) + index * positions, buffer.data(), positions);
  }
  const uint8_t* grey = images_file_ ? buffer.data() : pixels_.data() + index * positions;
  Image image(rows_, columns_);
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t c = 0; c < 3; ++c) image.pixels[3 * p + c] = grey[p];
  }
  return image;
}

std::string IdxDataset::sample_name(int64_t index) const {
  return concat(images_path_.string(), ", image ", index);
}

int64_t IdxDataset::resident_bytes() const {
  return static_cast<int64_t>(pixels_.capacity() + labels_.capacity());
}

}  // namespace trady
