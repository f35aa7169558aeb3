// gzip files, where the project was built with zlib.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

namespace trady {

/// Reads a gzip file from its beginning on. Errors name the path: not a gzip file, truncated,
/// corrupt, or built without zlib.
class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path);
  ~GzipReader();

  /// Reads up to `bytes`; fewer only at the end of the data.
  int64_t read(void* data, int64_t bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trady
