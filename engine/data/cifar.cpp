#include "engine/data/cifar.h"

#include <array>

#include "engine/error.h"

namespace trady {
namespace {

constexpr int kSide = 32;
constexpr int64_t kPlaneBytes = int64_t{kSide} * kSide;
constexpr int64_t kPixelBytes = 3 * kPlaneBytes;

int64_t label_bytes_of(CifarDataset::Variant variant) {
  return variant == CifarDataset::Variant::cifar10 ? 1 : 2;
}

}  // namespace

CifarDataset::CifarDataset(Variant variant, const std::vector<std::filesystem::path>& files,
                           std::vector<std::string> class_names)
    : label_bytes_(label_bytes_of(variant)), class_names_(std::move(class_names)) {
  for (const std::filesystem::path& path : files) {
    parts_.push_back({std::make_unique<InputFile>(path), size()});
    read_labels(*parts_.back().file);
  }
}

void CifarDataset::read_labels(const InputFile& file) {
  const int64_t record_bytes = label_bytes_ + kPixelBytes;
  if (file.size_bytes() == 0 || file.size_bytes() % record_bytes != 0) {
    fail(file.path().string(), " has ", file.size_bytes(),
         " bytes, which is not a multiple of the ", record_bytes,
         " bytes of a record (the official files hold 10,000 or 50,000 records, ",
         10'000 * record_bytes, " or ", 50'000 * record_bytes, " bytes); download it again");
  }
  constexpr int64_t kRecordsAtOnce = 256;
  const int64_t records = file.size_bytes() / record_bytes;
  std::vector<uint8_t> chunk(static_cast<size_t>(kRecordsAtOnce * record_bytes));
  for (int64_t first = 0; first < records; first += kRecordsAtOnce) {
    const int64_t count = std::min(kRecordsAtOnce, records - first);
    file.read_at(first * record_bytes, chunk.data(), count * record_bytes);
    for (int64_t i = 0; i < count; ++i) {
      const uint8_t label = chunk[i * record_bytes + label_bytes_ - 1];
      if (label >= class_names_.size()) {
        fail(file.path().string(), ", record ", first + i, ": label ", int{label},
             " is out of range, expected 0 to ", class_names_.size() - 1,
             "; is this the binary version of the data set?");
      }
      labels_.push_back(label);
    }
  }
}

const CifarDataset::Part& CifarDataset::part_of(int64_t index) const {
  size_t part = parts_.size() - 1;
  while (parts_[part].first_sample > index) --part;
  return parts_[part];
}

Image CifarDataset::load(int64_t index) const {
  const Part& part = part_of(index);
  std::array<uint8_t, kPixelBytes> planes;
  part.file->read_at((index - part.first_sample) * (label_bytes_ + kPixelBytes) + label_bytes_,
                     planes.data(), kPixelBytes);
  Image image(kSide, kSide);
  for (int64_t p = 0; p < kPlaneBytes; ++p) {
    for (int64_t c = 0; c < 3; ++c) image.pixels[3 * p + c] = planes[c * kPlaneBytes + p];
  }
  return image;
}

std::string CifarDataset::sample_name(int64_t index) const {
  const Part& part = part_of(index);
  return concat(part.file->path().string(), ", record ", index - part.first_sample);
}

std::vector<std::string> read_cifar_class_names(CifarDataset::Variant variant,
                                                const std::filesystem::path& folder) {
  const bool ten = variant == CifarDataset::Variant::cifar10;
  const std::filesystem::path path = folder / (ten ? "batches.meta.txt" : "fine_label_names.txt");
  std::vector<std::string> names = read_lines(path);
  const size_t expected = ten ? 10 : 100;
  if (names.size() != expected) {
    fail(path.string(), " names ", names.size(), " classes, expected ", expected,
         "; download it again");
  }
  return names;
}

}  // namespace trady
