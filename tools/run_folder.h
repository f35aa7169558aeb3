// The folder --out of a run: its files, what is there already, and that one process writes there.
#pragma once

#include <filesystem>
#include <utility>
#include <vector>

namespace trady::tools {

/// What a run leaves in its folder.
class RunFiles {
 public:
  explicit RunFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Between two epochs.
  std::filesystem::path checkpoint() const { return folder_ / "checkpoint.safetensors"; }
  /// Of an epoch that was interrupted: beside the checkpoint of the epochs before it.
  std::filesystem::path unfinished_epoch() const {
    return folder_ / "unfinished-epoch.safetensors";
  }
  /// When it is over.
  std::filesystem::path weights() const { return folder_ / "weights.safetensors"; }
  /// Of the epoch with the best accuracy on validation images, if there are any.
  std::filesystem::path best() const { return folder_ / "best.safetensors"; }
  std::filesystem::path record() const { return folder_ / "run.json"; }
  /// Who has locked it may write to the folder.
  std::filesystem::path lock() const { return folder_ / ".lock"; }
  std::vector<std::filesystem::path> all() const;

  /// Whether there is something to go on from.
  bool can_be_resumed() const;

 private:
  std::filesystem::path folder_;
};

/// Whether writing `file` would replace what a run has left in its folder, by whatever name.
bool is_file_of_run(const std::filesystem::path& file);

class RunFolder {
 public:
  /// Creates the folder and takes its lock, .lock, until destruction or the end of the process.
  /// Error if another process holds it. Where the file system has no locks nothing is locked.
  explicit RunFolder(const std::filesystem::path& path);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  RunFiles files() const { return RunFiles(path_); }

  /// Error if a file that the run would write is `weights`, by whatever name.
  void require_other_file(const std::filesystem::path& weights) const;
  /// Whether there is a checkpoint to go on from. Error if there is one and no `resume`, or if
  /// there is none, but the results of a run that would be replaced.
  bool has_checkpoint(bool resume) const;

 private:
  void lock();

  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace trady::tools
