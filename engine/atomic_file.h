// Files that are either the old one or the whole new one, whatever happens in between: written
// beside the target, flushed to the disk, renamed over it, and the folder flushed too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace trady {

/// Streams into a temporary file in the target's folder; `commit` puts it in the target's place.
/// Without `commit` (an error, an exception) the target stays as it was and the temporary is
/// removed. What a killed process left behind is removed by the next one that writes the target.
/// A symbolic link is followed; a target that is a folder or a device is refused.
/// Errors: trady::Error naming the path, the system's reason and the bytes that were to be written.
/// That a file may grow no further is such an error too: SIGXFSZ is ignored from the first write
/// on, unless the program handles it.
class AtomicFile {
 public:
  /// `expected_bytes` is what will be written in all; it serves the error messages alone.
  AtomicFile(const std::filesystem::path& path, uint64_t expected_bytes);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  /// False: another process removed it at once; try again.
  bool create_temporary();
  void keep_mode_of_target() const;
  void flush_folder() const;
  [[noreturn]] void fail_with(std::string_view action, int error_number) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;  ///< empty once committed
  uint64_t expected_bytes_;
  uint64_t written_bytes_ = 0;
  int descriptor_ = -1;
};

/// The whole content at once.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace trady
