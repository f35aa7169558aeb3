#include "tools/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "engine/error.h"

namespace trady::tools {

namespace fs = std::filesystem;

std::vector<fs::path> RunFiles::all() const {
  return {checkpoint(), unfinished_epoch(), weights(), best(), record(), lock()};
}

bool RunFiles::can_be_resumed() const {
  return fs::exists(checkpoint()) || fs::exists(unfinished_epoch());
}

bool is_file_of_run(const fs::path& file) {
  std::error_code error;  // a path that leads nowhere is no file of a run
  const fs::path real = fs::weakly_canonical(file, error);
  const RunFiles run(real.parent_path());
  const bool is_run = fs::exists(run.record(), error) || fs::exists(run.checkpoint(), error) ||
                      fs::exists(run.unfinished_epoch(), error) || fs::exists(run.lock(), error);
  return is_run && std::ranges::count(run.all(), real) > 0;
}

RunFolder::RunFolder(const fs::path& path) : path_(path) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error)
    fail("--out ", path_.string(), ": cannot create the folder (", error.message(),
         "); choose a folder that you may write to");
  lock();
}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);  // the file stays: removing it could take another's lock away
}

void RunFolder::lock() {
  const fs::path file = files().lock();
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (lock_ < 0) {
    fail("--out ", path_.string(), ": cannot create ", file.string(), " (", system_reason(errno),
         "); choose a folder that you may write to");
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(lock_);
  fail("--out ", path_.string(), ": another trady is writing here; wait for it or choose another ",
       "--out");
}

void RunFolder::require_other_file(const fs::path& weights) const {
  for (const fs::path& file : files().all()) {
    std::error_code error;  // where one of them does not exist
    if (fs::equivalent(file, weights, error)) {
      fail("--out ", path_.string(), ": the run would replace --weights ", weights.string(),
           "; choose another --out");
    }
  }
}

bool RunFolder::has_checkpoint(bool resume) const {
  const RunFiles run = files();
  for (const fs::path& file : run.all()) {
    if (!fs::is_symlink(fs::symlink_status(file))) continue;
    fail(file.string(), ": is a symbolic link, and the run would replace the file behind it; put ",
         "the file itself there or choose another --out");
  }
  if (!resume && run.can_be_resumed()) {
    fail(path_.string(),
         ": holds a run already; continue it with --resume or choose another --out");
  }
  if (fs::exists(run.checkpoint())) return true;
  // What an epoch leaves that was the first and was interrupted has no results beside it.
  for (const fs::path& file : {run.record(), run.weights(), run.best()}) {
    // Interrupted between the two, the first epoch leaves the best weights without a checkpoint.
    if (!fs::exists(file) || (resume && file == run.best())) continue;
    fail(path_.string(), ": holds ", file.filename().string(),
         " of a run, but no checkpoint to go on from; move it away or choose another --out");
  }
  return fs::exists(run.unfinished_epoch());
}

}  // namespace trady::tools
