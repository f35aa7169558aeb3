// GzipReader on zlib.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/data/gzip.h"
#include "engine/data/input_file.h"
#include "engine/error.h"

namespace trady {

struct GzipReader::State {
  std::filesystem::path path;
  gzFile file = nullptr;

  ~State() {
    if (file) gzclose_r(file);
  }
};

GzipReader::GzipReader(const std::filesystem::path& path) : state_(std::make_unique<State>()) {
  // zlib hands other files through as they are, so the magic number is looked at here.
  const InputFile raw(path);
  std::array<uint8_t, 2> magic{};
  if (raw.size_bytes() >= 2) raw.read_at(0, magic.data(), 2);
  if (magic != std::array<uint8_t, 2>{0x1F, 0x8B}) {
    fail(path.string(), " is not a gzip file, though its name ends in .gz (", raw.size_bytes(),
         " bytes)");
  }
  state_->path = path;
  state_->file = gzopen(path.c_str(), "rb");
  if (!state_->file) fail("cannot open ", path.string(), ": ", system_reason(errno));
}

GzipReader::~GzipReader() = default;

int64_t GzipReader::read(void* data, int64_t bytes) {
  constexpr int64_t kAtOnce = 1 << 30;  // zlib counts in unsigned int
  int64_t done = 0;
  while (done < bytes) {
    const auto wanted = static_cast<unsigned>(std::min(bytes - done, kAtOnce));
    const int got = gzread(state_->file, static_cast<uint8_t*>(data) + done, wanted);
    int error = Z_OK;
    const char* reason = gzerror(state_->file, &error);
    if (got < 0 || (error != Z_OK && error != Z_STREAM_END)) {
      fail(state_->path.string(), " is truncated or corrupt (",
           error == Z_ERRNO ? system_reason(errno) : reason, "); download it again");
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

}  // namespace trady
