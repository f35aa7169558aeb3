// JPEG, PNG, BMP and binary PNM files to RGB pixels, all but PNM through stb_image.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "engine/data/image.h"

namespace trady {

/// Larger pictures are refused before a pixel is decoded: a file of a few kilobytes can claim
/// gigabytes ("decompression bomb").
constexpr int64_t kMaxImagePixels = 100'000'000;

/// Grey becomes RGB by repetition, alpha is dropped, 16 bits keep the upper 8 (PNM: are scaled), as
/// Pillow's convert("RGB") does. EXIF orientation is not applied, as in torchvision.
/// Fails with the file's name and the reason: unreadable, empty, truncated, corrupt, of no
/// pixels or too many.
Image load_image(const std::filesystem::path& path);

/// The same from bytes already in memory; `name` appears in errors.
Image decode_image(std::span<const uint8_t> file, const std::string& name);

enum class ImageFileKind {
  other,        ///< not a picture by its extension
  decodable,    ///< .jpg .jpeg .png .bmp .ppm .pgm .pnm
  unsupported,  ///< a picture that this project cannot decode: .webp .tif .tiff .gif .avif .heic
};

/// By extension, upper or lower case.
ImageFileKind image_file_kind(const std::filesystem::path& path);

}  // namespace trady
