#include "engine/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

#include "engine/error.h"

namespace trady {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporarySuffix = ".tmp";

std::string_view remedy(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "free some space on that disk or choose another place";
    case EFBIG:
      return "raise the file size limit (ulimit -f) or choose another place";
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a folder that you may write to";
    case ENOENT:
    case ENOTDIR:
      return "create the folder first, or check the path";
    case ENAMETOOLONG:
      return "choose a shorter file name";
    default:
      return "check the path and the disk";
  }
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Temporaries of one target are named .<target>.<process>-<number>.tmp
std::string temporary_prefix(const fs::path& path) {
  return "." + path.filename().string() + ".";
}

bool is_temporary_of(const fs::path& candidate, const fs::path& path) {
  const std::string name = candidate.filename().string();
  const std::string prefix = temporary_prefix(path);
  if (name.size() <= prefix.size() + kTemporarySuffix.size() || !name.starts_with(prefix) ||
      !name.ends_with(kTemporarySuffix)) {
    return false;
  }
  const std::string_view middle = std::string_view(name).substr(
      prefix.size(), name.size() - prefix.size() - kTemporarySuffix.size());
  return middle.find_first_not_of("0123456789-") == std::string_view::npos;
}

/// A writer holds a lock on its temporary as long as it lives, so one without a lock is a leftover
/// of a killed process.
void remove_leftovers(const fs::path& path) {
  std::error_code error;  // a folder that cannot be listed has no leftovers to remove
  for (fs::directory_iterator item(folder_of(path), error), end; item != end;
       item.increment(error)) {
    if (!is_temporary_of(item->path(), path)) continue;
    const int descriptor = ::open(item->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(item->path().c_str());
    ::close(descriptor);
  }
}

/// By default a write beyond `ulimit -f` ends the process; ignored, it fails with EFBIG, and the
/// error says what to do. A handler that the program has set stays.
void ignore_file_size_signal() {
  struct sigaction action {};
  if (::sigaction(SIGXFSZ, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGXFSZ, &action, nullptr);
  }
}

/// Locks a temporary just created. False: between creation and lock it was taken for a leftover by
/// another writer, which has removed it or is about to. Where locks are not supported, leftovers
/// are not told apart either, so none is removed.
bool lock_new_temporary(int descriptor) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
  struct stat status {};
  return ::fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path, uint64_t expected_bytes)
    : path_(path), expected_bytes_(expected_bytes) {
  std::error_code error;
  if (fs::is_symlink(path_, error)) {
    const fs::path target = fs::weakly_canonical(path_, error);
    if (!error) path_ = target;
  }
  if (!path_.has_filename()) fail_with("write", EISDIR);
  const fs::file_status status = fs::status(path_, error);
  if (fs::is_directory(status)) fail_with("replace", EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fail("[write] ", path_.string(),
         ": is a device, pipe or socket, which cannot be replaced by a file; choose a plain file");
  }
  ignore_file_size_signal();
  remove_leftovers(path_);
  while (!create_temporary()) {
  }
  keep_mode_of_target();
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool AtomicFile::create_temporary() {
  static std::atomic<uint64_t> counter{0};
  do {
    temporary_ = folder_of(path_) / concat(temporary_prefix(path_), ::getpid(), "-",
                                           counter.fetch_add(1), kTemporarySuffix);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) {
    const int error_number = errno;
    temporary_.clear();
    fail_with("create a temporary file for", error_number);
  }
  if (lock_new_temporary(descriptor_)) return true;
  ::unlink(temporary_.c_str());
  ::close(descriptor_);
  return false;
}

void AtomicFile::keep_mode_of_target() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0) {
    // Not being allowed to is no reason to refuse the write.
    [[maybe_unused]] const int ignored = ::fchmod(descriptor_, status.st_mode & 0777);
  }
}

void AtomicFile::write(const void* data, size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t count = ::write(descriptor_, next, bytes);
    if (count < 0) {
      if (errno == EINTR) continue;
      fail_with("write", errno);
    }
    next += count;
    bytes -= static_cast<size_t>(count);
    written_bytes_ += static_cast<uint64_t>(count);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail_with("flush", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with("replace", errno);
  temporary_.clear();
  // Closed only now: the lock has to outlive the temporary name. fsync has reported what close can.
  ::close(std::exchange(descriptor_, -1));
  flush_folder();
}

void AtomicFile::flush_folder() const {
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;  // a folder that may be written but not read: nothing more can be done
  const int error_number = ::fsync(folder) == 0 ? 0 : errno;
  ::close(folder);
  // EINVAL: this file system has no folder flush.
  if (error_number != 0 && error_number != EINVAL) {
    fail("[write] ", path_.string(), ": all ", written_bytes_,
         " bytes are in place, but the folder could not be flushed to the disk: ",
         system_reason(error_number), "; a power cut may bring the old file back. Check the disk");
  }
}

void AtomicFile::fail_with(std::string_view action, int error_number) const {
  fail("[write] cannot ", action, " ", path_.string(), ": ", system_reason(error_number), " (",
       expected_bytes_, " bytes were to be written, ", written_bytes_,
       " were); what was there before is unchanged; ", remedy(error_number));
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path, content.size());
  file.write(content);
  file.commit();
}

}  // namespace trady
