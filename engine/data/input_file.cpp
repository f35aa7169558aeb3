#include "engine/data/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "engine/error.h"

namespace trady {

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail("cannot open ", path.string(), ": ", system_reason(errno));
  struct stat status {};
  std::string reason;
  if (::fstat(descriptor_, &status) != 0) {
    reason = system_reason(errno);
  } else if (!S_ISREG(status.st_mode)) {
    reason = S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file";
  }
  if (!reason.empty()) {
    ::close(descriptor_);
    fail("cannot read ", path.string(), ": ", reason);
  }
  size_bytes_ = status.st_size;
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::read_at(int64_t position, void* data, int64_t bytes) const {
  auto* target = static_cast<uint8_t*>(data);
  int64_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(descriptor_, target + done, static_cast<size_t>(bytes - done), position + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read ", path_.string(), ": ", system_reason(errno));
    if (got == 0) {
      fail(path_.string(), " ends at byte ", position + done, ", expected ", bytes,
           " bytes from byte ", position, " on; has it changed since it was opened?");
    }
    done += got;
  }
}

std::vector<uint8_t> read_whole_file(const std::filesystem::path& path, int64_t limit_bytes) {
  const InputFile file(path);
  if (file.size_bytes() > limit_bytes) {
    fail(path.string(), " has ", file.size_bytes(), " bytes, more than the ", limit_bytes,
         " bytes that are read of such a file");
  }
  std::vector<uint8_t> content(static_cast<size_t>(file.size_bytes()));
  file.read_at(0, content.data(), file.size_bytes());
  return content;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  constexpr int64_t kTextLimitBytes = 1 << 20;
  const std::vector<uint8_t> content = read_whole_file(path, kTextLimitBytes);
  std::istringstream text(std::string(content.begin(), content.end()));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace trady
