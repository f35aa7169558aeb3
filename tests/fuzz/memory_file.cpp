#include "tests/fuzz/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace trady::fuzz {
namespace {

void require_success(bool success, const char* what) {
  if (!success) throw std::runtime_error(std::string(what) + " failed");
}

}  // namespace

MemoryFile::MemoryFile(const std::string& name) : descriptor_(::memfd_create(name.c_str(), 0)) {
  require_success(descriptor_ >= 0, "memfd_create");
  std::string pattern = (std::filesystem::temp_directory_path() / "trady-fuzz-XXXXXX").string();
  require_success(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  folder_ = pattern;
  path_ = folder_ / name;
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(descriptor_), path_);
}

MemoryFile::~MemoryFile() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  ::close(descriptor_);
}

void MemoryFile::set(std::span<const uint8_t> content) {
  require_success(::ftruncate(descriptor_, 0) == 0, "ftruncate");
  const ssize_t written = ::pwrite(descriptor_, content.data(), content.size(), 0);
  require_success(written == static_cast<ssize_t>(content.size()), "pwrite");
}

}  // namespace trady::fuzz
