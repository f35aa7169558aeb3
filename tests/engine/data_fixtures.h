// What the tests of engine/data share: noise images, folders that vanish, small files on disk.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/color_jitter.h"
#include "engine/data/gzip.h"
#include "engine/data/image.h"
#include "engine/data/resize.h"
#include "engine/error.h"

namespace trady::test {

using Bytes = std::vector<uint8_t>;

/// Two lower-case digits a byte.
inline Bytes bytes_of_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(16 * digit(text[i]) + digit(text[i + 1])));
  }
  return bytes;
}

/// The same bytes as noise() in tests/goldens/make_data_goldens.py.
inline Image noise_image(int height, int width, uint32_t seed) {
  Image image(height, width);
  for (uint8_t& value : image.pixels) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<uint8_t>(seed >> 24);
  }
  return image;
}

inline Bytes interleaved(const PlanarImage& image) {
  Bytes bytes(static_cast<size_t>(image.height) * static_cast<size_t>(image.width) * 3);
  interleave(image, bytes.data());
  return bytes;
}

inline PlanarImage planar(int height, int width, const Bytes& pixels) {
  PlanarImage image;
  image.resize(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.pixels[(y * 3 + c) * image.stride + x] = pixels[(y * width + x) * 3 + c];
      }
    }
  }
  return image;
}

struct ResizeGolden {
  int height, width;
  uint32_t seed;
  SourceBox box;
  int out_height, out_width;
  int tolerance;  ///< in grey levels
  Bytes expected;
};

struct JitterGolden {
  uint32_t seed;
  ColorJitter jitter;
  Bytes expected;
};

struct TestTransformGolden {
  int height, width;
  uint32_t seed;
  Bytes expected;
};

struct FileGolden {
  std::string name;
  int height, width;
  Bytes file;
  Bytes expected;
};

// Defined in test_data_goldens.cpp.
const std::vector<ResizeGolden>& resize_goldens();
const std::vector<JitterGolden>& jitter_goldens();
const std::vector<TestTransformGolden>& test_transform_goldens();
const std::vector<FileGolden>& file_goldens();
const Bytes& images_gzip();           ///< IDX, 3 images of 4 x 5: bytes 0 to 59
const Bytes& labels_gzip();           ///< IDX, labels 2, 0, 1
const Bytes& huge_header_gzip();      ///< IDX header of 2^32 - 1 images of 16384 x 16384, no more
const Bytes& images_too_long_gzip();  ///< images_gzip() and a byte more

/// By its name in make_data_goldens.py.
const Bytes& encoded_file(const std::string& name);

/// A new folder, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trady-data-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed for " + pattern);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Creates the folders in between too.
  std::filesystem::path write(const std::string& name, const Bytes& content) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(content.data()),
              static_cast<std::streamsize>(content.size()));
    return file;
  }
  std::filesystem::path write_text(const std::string& name, const std::string& text) const {
    return write(name, Bytes(text.begin(), text.end()));
  }

 private:
  std::filesystem::path path_;
};

/// Whether gzip files cannot be read by this build.
inline bool built_without_zlib() {
  const TemporaryFolder folder;
  try {
    GzipReader reader(folder.write("labels.gz", labels_gzip()));
    return false;
  } catch (const Error& error) {
    return std::string(error.what()).find("without zlib") != std::string::npos;
  }
}

/// The first `count` bytes.
inline Bytes prefix(const Bytes& bytes, size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace trady::test
