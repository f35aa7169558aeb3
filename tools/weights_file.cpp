#include "tools/weights_file.h"

#include <filesystem>

#include "engine/error.h"
#include "tools/run_checkpoint.h"
#include "tools/run_folder.h"

namespace trady::tools {

namespace fs = std::filesystem;

namespace {

/// Weights beside the record of a run that goes on are of another one.
void require_over(const std::string& folder) {
  const RunRecord record = RunRecord::read_in(folder);
  if (record.is_over()) return;
  fail(folder, ": the run has ", record.epochs_done(), " of ", record.epochs_asked(),
       " epochs, so its weights.safetensors is of another one; go on with `trady finetune ... ",
       "--resume`, or name the file");
}

}  // namespace

std::string weights_file(const std::string& path) {
  std::error_code error;  // what does not exist is no folder; opening it will say more
  if (!fs::is_directory(path, error)) return path;
  const RunFiles run(path);
  if (fs::exists(run.weights())) {
    if (fs::exists(run.record())) require_over(path);
    return run.weights().string();
  }
  if (!run.can_be_resumed()) {
    fail(path, ": is a folder without weights.safetensors; name a .safetensors file, or the --out ",
         "of a finished run");
  }
  fail(path, ": the run is not over, so there is no weights.safetensors yet; go on with `trady ",
       "finetune ... --resume`",
       fs::exists(run.best()) ? concat(", or name ", run.best().string()) : std::string());
}

SafetensorsFile open_weights(const std::string& path) {
  auto file = SafetensorsFile::open(path);
  if (is_run_checkpoint(file)) {
    fail(path, ": is what a run of `trady finetune` goes on from with --resume, not weights; name ",
         "the weights.safetensors that it writes when it is over");
  }
  return file;
}

}  // namespace trady::tools
