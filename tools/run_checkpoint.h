// The files that a run goes on from: its checkpoint, and what an interrupted epoch has changed.
//
// Both hold the run's record and, under prefixed names, the parameters and the momentum. The second
// also has the position in the epoch, which tells the two apart.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "engine/parameters.h"
#include "engine/safetensors.h"
#include "tools/run_record.h"

namespace trady::tools {

/// One of the two, opened and checked as far as its header and its record go.
struct RunCheckpoint {
  SafetensorsFile file;
  RunRecord record;

  /// Errors name the file and what to do without it: on damage, on a file that is no checkpoint,
  /// and on one of the two where the other is expected.
  static RunCheckpoint open(const std::filesystem::path& path);
  static RunCheckpoint open_unfinished_epoch(const std::filesystem::path& path);

  /// Strategy::state(); empty where the method has none.
  std::string selection() const;
  /// Where the epoch stands (tools/epoch_position.h). Only of an unfinished epoch.
  const std::string& position() const;
  void load_weights(Parameters& weights) const;
  void load_momentum(Parameters& momentum) const;
};

/// Whether the file is one of the two, and no weights to begin from.
bool is_run_checkpoint(const SafetensorsFile& file);

/// What both files hold.
struct RunState {
  const RunRecord& record;
  const Parameters& weights;
  const Parameters* momentum;  ///< null: none
  std::map<std::string, std::string> metadata;
};

void save_run_checkpoint(const std::filesystem::path& path, RunState state,
                         const std::string& selection);
void save_unfinished_epoch(const std::filesystem::path& path, RunState state,
                           const std::string& position);

}  // namespace trady::tools
