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

struct DecodeOptions {
  int64_t max_pixels = kMaxImagePixels;
  int64_t* peak_bytes = nullptr;  ///< set to the most memory that it took: file, buffers, pixels
};

/// What Pillow gives with ImageOps.exif_transpose and convert("RGB"), within 4 levels for JPEG:
///  - turned the way up that EXIF says (JPEG and PNG);
///  - grey repeated, palettes looked up, alpha dropped and not composited;
///  - of 16-bit PNG samples the upper eight bits (Pillow clips those of grey pictures to white);
///    samples of PNM scaled;
///  - CMYK and YCCK as Adobe writes them, inverted; colour profiles and gamma not applied.
/// Fails with the file's name and the reason: unreadable, empty, truncated, corrupt, of a format or
/// a kind of it that is not decoded, of no pixels or too many.
Image load_image(const std::filesystem::path& path, const DecodeOptions& options = {});

/// The same from bytes already in memory; `name` appears in errors.
Image decode_image(std::span<const uint8_t> file, const std::string& name,
                   const DecodeOptions& options = {});

enum class ImageFileKind {
  other,        ///< not a picture by its extension
  decodable,    ///< .jpg .jpeg .jpe .jfif .png .bmp .ppm .pgm .pnm
  unsupported,  ///< a picture that this project cannot decode: .webp .tif .tiff .gif .avif .heic
                ///< ...
};

/// By extension, upper or lower case.
ImageFileKind image_file_kind(const std::filesystem::path& path);

}  // namespace trady
