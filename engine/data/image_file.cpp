#include "engine/data/image_file.h"

#include <stb/stb_image.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "engine/data/bmp_check.h"
#include "engine/data/decoder_memory.h"
#include "engine/data/foreign_format.h"
#include "engine/data/input_file.h"
#include "engine/data/jpeg_check.h"
#include "engine/data/jpeg_segments.h"
#include "engine/data/orientation.h"
#include "engine/data/png_check.h"
#include "engine/data/pnm.h"
#include "engine/error.h"

namespace trady {
namespace {

using namespace std::string_view_literals;

constexpr int64_t kMaxFileBytes = int64_t{512} << 20;
constexpr const char* kRemedy = "; replace or remove the file";

/// What stb_image needs for a picture that is as large as it says: beside a compressed file 16 bits
/// of RGBA twice, or pixels and coefficients of a progressive JPEG. JPEG pads to blocks of up to 32
/// pixels a side.
int64_t most_decoder_bytes(const FileFacts& facts, size_t file_bytes) {
  constexpr int64_t kBytesPerPixel = 32, kPadding = 32, kTables = int64_t{1} << 20;
  return kBytesPerPixel * (facts.width + kPadding) * (facts.height + kPadding) +
         4 * static_cast<int64_t>(file_bytes) + kTables;
}

/// Adds to `peak_bytes` what it takes.
Image decode_with_stb(std::span<const uint8_t> file, const FileFacts& facts,
                      const std::string& name, int64_t& peak_bytes) {
  constexpr int kRgb = 3;
  int width = 0, height = 0, channels = 0;
  DecoderMemory memory(most_decoder_bytes(facts, file.size()));
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels,
                            kRgb),
      stbi_image_free);
  if (!pixels) {
    fail(name, " is corrupt: ",
         memory.refused() ? "it unpacks to more than its pixels" : stbi_failure_reason(), kRemedy);
  }
  ImageView stored;
  stored.pixels = pixels.get();
  stored.height = height;
  stored.width = width;
  stored.row_bytes = int64_t{kRgb} * width;
  Image image = upright(stored, facts.orientation);
  // Of the decoder's memory only the pixels are left when ours are made.
  peak_bytes += std::max(memory.peak_bytes(), 2 * image.bytes());
  return image;
}

FileFacts check(std::span<const uint8_t> file, const std::string& name, int64_t max_pixels) {
  if (is_jpeg(file)) return check_jpeg(file, name, max_pixels);
  if (is_png(file)) return check_png(file, name, max_pixels);
  if (is_bmp(file)) return check_bmp(file, name, max_pixels);
  refuse_foreign_format(file, name);
}

}  // namespace

Image decode_image(std::span<const uint8_t> file, const std::string& name,
                   const DecodeOptions& options) {
  if (file.empty()) fail(name, " is empty (0 bytes)", kRemedy);
  int64_t unwanted = 0;
  int64_t& peak_bytes = options.peak_bytes != nullptr ? *options.peak_bytes : unwanted;
  peak_bytes = static_cast<int64_t>(file.size());
  if (is_pnm(file)) {
    const PnmHeader header = read_pnm_header(file, name);
    require_picture_size(header.width, header.height, options.max_pixels, name);
    Image image = decode_pnm(file, header, name);
    peak_bytes += image.bytes();
    return image;
  }
  const FileFacts facts = check(file, name, options.max_pixels);
  peak_bytes += static_cast<int64_t>(facts.mended.size());
  return decode_with_stb(facts.mended.empty() ? file : facts.mended, facts, name, peak_bytes);
}

Image load_image(const std::filesystem::path& path, const DecodeOptions& options) {
  return decode_image(read_whole_file(path, kMaxFileBytes), path.string(), options);
}

ImageFileKind image_file_kind(const std::filesystem::path& path) {
  constexpr std::array kDecodable{".jpg"sv, ".jpeg"sv, ".jpe"sv, ".jfif"sv, ".png"sv,
                                  ".bmp"sv, ".ppm"sv,  ".pgm"sv, ".pnm"sv};
  constexpr std::array kUnsupported{".webp"sv, ".tif"sv,  ".tiff"sv, ".gif"sv, ".avif"sv,
                                    ".heic"sv, ".heif"sv, ".jxl"sv,  ".jp2"sv};
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
