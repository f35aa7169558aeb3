// Reading and writing of safetensors files, the one weight format of the engine.
//
// Layout of a file: 8 bytes little-endian header length N; N bytes of JSON, which begin with '{'
// and may end in spaces: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]},
// ...,
// "__metadata__": {text: text}}; then the data, little-endian and row-major, without holes.
// Source: README of the format's reference implementation (huggingface/safetensors).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/safetensors_header.h"

namespace trady {

/// For messages: the program that makes such files of other projects' checkpoints, where it is
/// installed and where trady was built.
constexpr const char* kConverter = "trady-convert (tools/convert_checkpoint.py in the sources)";

/// An open file whose header has been read and checked; tensors are read when they are asked for.
/// Errors: trady::Error naming the file, the tensor, both sizes and the remedy.
class SafetensorsFile {
 public:
  /// Errors about a damaged file end in `remedy`.
  static SafetensorsFile open(const std::filesystem::path& path,
                              const std::string& remedy = kFetchAgain);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) = delete;
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Ascending.
  std::vector<std::string> names() const;
  bool contains(const std::string& name) const { return header_.tensors.contains(name); }
  const SafetensorsEntry& entry(const std::string& name) const;
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

  /// The values of an F32, F64, F16 or BF16 tensor, exact, NaN and infinity included. Every other
  /// type is an error.
  std::vector<double> read_doubles(const std::string& name) const;

 private:
  SafetensorsFile(std::filesystem::path path, int descriptor);
  void read_header(const std::string& remedy);
  void read_bytes(uint64_t offset, void* destination, uint64_t bytes,
                  const std::string& what) const;
  template <typename Stored>
  std::vector<Stored> read_stored(const std::string& name, const SafetensorsEntry& entry) const;

  std::filesystem::path path_;
  int descriptor_;
  uint64_t data_begin_ = 0;  ///< offset of the data in the file
  SafetensorsHeader header_;
};

/// A tensor to write, as F32 or F64. The values are not owned.
struct SafetensorsTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::variant<std::span<const float>, std::span<const double>> values;
};

/// Writes atomically (engine/atomic_file.h). The same tensors and metadata give the same bytes, in
/// whatever order they come: F64 before F32 (which keeps every tensor aligned), then by name; the
/// header is padded so that the data begins at a multiple of 8.
void write_safetensors(const std::filesystem::path& path,
                       std::span<const SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace trady
