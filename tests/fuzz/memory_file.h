// Bytes as a file that readers open by its name, without a disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace trady::fuzz {

/// One file for all inputs of a target: `path` stays, its content changes.
class MemoryFile {
 public:
  /// The path ends in `name`, for readers that go by extensions.
  explicit MemoryFile(const std::string& name);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void set(std::span<const uint8_t> content);
  const std::filesystem::path& path() const { return path_; }

 private:
  int descriptor_;
  std::filesystem::path folder_, path_;
};

}  // namespace trady::fuzz
