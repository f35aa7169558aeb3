// The folder --out of a run: its files, what is there already, and that one process writes there.
#pragma once

#include <filesystem>

namespace trady::tools {

class RunFolder {
 public:
  /// Creates the folder and takes its lock, .lock, until destruction or the end of the process.
  /// Error if another process holds it. Where the file system has no locks nothing is locked.
  explicit RunFolder(const std::filesystem::path& path);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// The weights that a finished run leaves in its folder.
  static std::filesystem::path weights_in(const std::filesystem::path& folder) {
    return folder / "weights.safetensors";
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  /// Of an epoch that was interrupted: beside the checkpoint of the epochs before it.
  std::filesystem::path unfinished_epoch() const { return path_ / "unfinished-epoch.safetensors"; }
  std::filesystem::path weights() const { return weights_in(path_); }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }
  std::filesystem::path record() const { return path_ / "run.json"; }

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
