#include "tools/run_checkpoint.h"

#include <utility>
#include <vector>

#include "engine/checkpoint.h"
#include "engine/error.h"

namespace trady::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRun = "run";
constexpr const char* kSelection = "selection";
constexpr const char* kPosition = "position";
constexpr const char* kWeightsPrefix = "model/";
constexpr const char* kMomentumPrefix = "momentum/";

constexpr const char* kWithoutCheckpoint = "start again without --resume in another --out";
constexpr const char* kWithoutUnfinishedEpoch = "remove this file to begin the epoch again";

RunCheckpoint open_with(const fs::path& path, bool unfinished, const std::string& remedy) {
  auto file = SafetensorsFile::open(path, remedy);
  const auto run = file.metadata().find(kRun);
  if (run == file.metadata().end()) {
    fail(path.string(), ": is not a checkpoint of a run; ", remedy);
  }
  if (file.metadata().contains(kPosition) != unfinished) {
    fail(path.string(), ": is ",
         unfinished ? "a checkpoint between epochs, not what an unfinished epoch has changed"
                    : "what an unfinished epoch has changed, not a checkpoint between epochs",
         "; bring back the file that had this name, or ", remedy);
  }
  RunRecord record = RunRecord::parse(run->second, {path.string(), remedy});
  return {std::move(file), std::move(record)};
}

void save(const fs::path& path, RunState& state) {
  state.metadata[kRun] = state.record.text();
  std::vector<SavedParameters> sets{{&state.weights, kWeightsPrefix}};
  if (state.momentum) sets.push_back({state.momentum, kMomentumPrefix});
  save_parameters(path, sets, state.metadata);
}

}  // namespace

RunCheckpoint RunCheckpoint::open(const fs::path& path) {
  return open_with(path, false, kWithoutCheckpoint);
}

RunCheckpoint RunCheckpoint::open_unfinished_epoch(const fs::path& path) {
  return open_with(path, true, kWithoutUnfinishedEpoch);
}

std::string RunCheckpoint::selection() const {
  const auto state = file.metadata().find(kSelection);
  return state == file.metadata().end() ? std::string() : state->second;
}

const std::string& RunCheckpoint::position() const {
  return file.metadata().at(kPosition);
}

void RunCheckpoint::load_weights(Parameters& weights) const {
  load_parameters(file, weights, {}, kWeightsPrefix);
}

void RunCheckpoint::load_momentum(Parameters& momentum) const {
  load_parameters(file, momentum, {}, kMomentumPrefix);
}

bool is_run_checkpoint(const SafetensorsFile& file) {
  return file.metadata().contains(kRun);
}

void save_run_checkpoint(const fs::path& path, RunState state, const std::string& selection) {
  if (!selection.empty()) state.metadata[kSelection] = selection;
  save(path, state);
}

void save_unfinished_epoch(const fs::path& path, RunState state, const std::string& position) {
  state.metadata[kPosition] = position;
  save(path, state);
}

}  // namespace trady::tools
