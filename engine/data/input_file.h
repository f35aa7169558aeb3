// A regular file opened for reading at any position.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace trady {

/// Errors name the path and the system's reason. `read_at` may be called by several threads.
class InputFile {
 public:
  /// Fails if the path cannot be opened or is not a regular file.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// When the file was opened.
  int64_t size_bytes() const { return size_bytes_; }
  /// All `bytes` or an error: a file that has shrunk since is one.
  void read_at(int64_t position, void* data, int64_t bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t size_bytes_ = 0;
};

/// Fails if the file is larger than `limit_bytes`.
std::vector<uint8_t> read_whole_file(const std::filesystem::path& path, int64_t limit_bytes);

/// Lines without their ends; empty lines are left out. For small text files.
std::vector<std::string> read_lines(const std::filesystem::path& path);

}  // namespace trady
