#include "engine/data/image_file.h"

#include <stb/stb_image.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "engine/data/bmp_check.h"
#include "engine/data/input_file.h"
#include "engine/data/jpeg_end.h"
#include "engine/data/pnm.h"
#include "engine/error.h"

namespace trady {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{512} << 20;
constexpr const char* kRemedy = "; replace or remove the file";

/// A height below 0 is that of a BMP whose top row comes first.
void require_size(int64_t width, int64_t height, const std::string& name) {
  if (width < 1 || height == 0) {
    fail(name, " is corrupt: it claims ", width, " x ", height, " pixels", kRemedy);
  }
  if (width * std::abs(height) > kMaxImagePixels) {
    fail(name, " claims ", width, " x ", std::abs(height), " pixels, more than the ",
         kMaxImagePixels / 1'000'000, " megapixels that are accepted", kRemedy);
  }
}

}  // namespace

Image decode_image(std::span<const uint8_t> file, const std::string& name) {
  if (file.empty()) fail(name, " is empty (0 bytes)", kRemedy);
  if (is_pnm(file)) {
    const PnmHeader header = read_pnm_header(file, name);
    require_size(header.width, header.height, name);
    return decode_pnm(file, header, name);
  }
  const int length = static_cast<int>(file.size());
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(file.data(), length, &width, &height, &channels)) {
    fail(name, " cannot be decoded: ", stbi_failure_reason(), " (", file.size(),
         " bytes; JPEG, PNG, BMP and PNM are understood)", kRemedy);
  }
  require_size(width, height, name);
  if (is_jpeg(file) && !jpeg_reaches_its_end(file)) {
    fail(name, " is a truncated JPEG: no end-of-image marker within its ", file.size(), " bytes",
         kRemedy);
  }
  if (is_bmp(file)) require_whole_bmp(file, name);
  constexpr int kRgb = 3;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(file.data(), length, &width, &height, &channels, kRgb),
      stbi_image_free);
  if (!pixels) fail(name, " is corrupt: ", stbi_failure_reason(), kRemedy);
  Image image(height, width);
  std::copy_n(pixels.get(), image.pixels.size(), image.pixels.begin());
  return image;
}

Image load_image(const std::filesystem::path& path) {
  return decode_image(read_whole_file(path, kMaxFileBytes), path.string());
}

ImageFileKind image_file_kind(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 7> kDecodable{".jpg", ".jpeg", ".png", ".bmp",
                                                       ".ppm", ".pgm",  ".pnm"};
  constexpr std::array<std::string_view, 6> kUnsupported{".webp", ".tif",  ".tiff",
                                                         ".gif",  ".avif", ".heic"};
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto listed = [&](const auto& list) {
    return std::find(list.begin(), list.end(), extension) != list.end();
  };
  if (listed(kDecodable)) return ImageFileKind::decodable;
  return listed(kUnsupported) ? ImageFileKind::unsupported : ImageFileKind::other;
}

}  // namespace trady
