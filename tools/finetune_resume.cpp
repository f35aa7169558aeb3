// What a run of `trady finetune` saves to go on from, and how it goes on.
//
// The checkpoint is what memory holds between two epochs. An epoch that is interrupted leaves what
// its steps have changed in a file of its own beside it: a resumed run begins the epoch as it was
// begun, from the checkpoint, so that every method selects what it had selected, whatever it looks
// at; only then it takes over the weights of the interruption and goes on behind its last step.
#include <cstdio>
#include <filesystem>

#include "engine/checkpoint.h"
#include "engine/error.h"
#include "models/model_file.h"
#include "tools/finetune_run.h"

namespace trady::tools {

namespace {

namespace fs = std::filesystem;

/// Metadata of both files: the run's record; of the second where the epoch stands.
constexpr const char* kRun = "run";
constexpr const char* kPosition = "position";

const std::string& metadata_at(const SafetensorsFile& file, const char* key, const fs::path& path) {
  const auto text = file.metadata().find(key);
  if (text == file.metadata().end()) {
    fail(path.string(), ": is not a checkpoint of a run; choose another --out");
  }
  return text->second;
}

RunRecord record_in(const SafetensorsFile& file, const fs::path& path) {
  return RunRecord::parse(metadata_at(file, kRun, path), path.string());
}

}  // namespace

/// Finds what an interrupted run left in the folder.
void FinetuneRun::open_checkpoint() {
  if (!folder_->has_checkpoint(o_.resume)) {
    if (o_.resume) std::printf("%s holds no checkpoint yet: starting anew\n", o_.out.c_str());
    return;
  }
  if (const fs::path path = folder_->checkpoint(); fs::exists(path)) {
    checkpoint_ = std::make_unique<SafetensorsFile>(SafetensorsFile::open(path));
    record_ = record_in(*checkpoint_, path);
  }
  if (fs::exists(folder_->unfinished_epoch())) open_unfinished_epoch();
  record_->require_same_settings(settings_, o_.out);
  const auto micro_batch = (*record_)["environment"]["micro_batch"].get<int64_t>();
  if (o_.method.micro_batch.value_or(micro_batch) != micro_batch) {
    fail("--micro-batch ", *o_.method.micro_batch, ": ", o_.out, " was started with ", micro_batch,
         ", and another one rounds differently; leave --micro-batch out");
  }
  o_.method.micro_batch = micro_batch;
}

/// Unless the epoch was finished since, and the run was killed before the file was removed.
void FinetuneRun::open_unfinished_epoch() {
  const fs::path path = folder_->unfinished_epoch();
  auto file = std::make_unique<SafetensorsFile>(SafetensorsFile::open(path));
  RunRecord record = record_in(*file, path);
  const int epochs_before = record_ ? record_->epochs_done() : 0;
  if (record.epochs_done() > epochs_before) {
    fail(path.string(), ": is of epoch ", record.epochs_done() + 1, ", but ",
         checkpoint_ ? "the checkpoint is of an earlier one" : "there is no checkpoint",
         "; bring back checkpoint.safetensors or choose another --out");
  }
  if (record.epochs_done() < epochs_before) return;
  if (!record_) record_ = std::move(record);
  unfinished_ = std::move(file);
}

EpochPosition FinetuneRun::position_in(const SafetensorsFile& unfinished) const {
  const fs::path path = folder_->unfinished_epoch();
  return parse_position(metadata_at(unfinished, kPosition, path), steps_per_epoch_, path.string());
}

/// Once the epoch has selected.
void FinetuneRun::restore_unfinished_epoch() {
  load_parameters(*unfinished_, *net_.parameters, {}, "model/");
  if (Parameters* velocity = runner_->optimizer().velocity()) {
    load_parameters(*unfinished_, *velocity, {}, "momentum/");
  }
  runner_->refresh_weights();
  kernels::work_counters().add(position_.work);
  std::printf("epoch %d goes on after step %lld of %lld\n", record_->epochs_done() + 1,
              static_cast<long long>(position_.done.steps),
              static_cast<long long>(steps_per_epoch_));
  std::fflush(stdout);
  unfinished_ = nullptr;
}

/// What memory holds, and the record: what --resume goes on from.
void FinetuneRun::save_checkpoint() {
  std::map<std::string, std::string> metadata;
  if (const std::string state = strategy_->state(); !state.empty()) {
    metadata[kSelectionState] = state;
  }
  save_state(folder_->checkpoint(), std::move(metadata));
  std::error_code error;  // one that stays is told apart by its number of epochs
  fs::remove(folder_->unfinished_epoch(), error);
}

void FinetuneRun::save_unfinished_epoch() {
  save_state(folder_->unfinished_epoch(), {{kPosition, text_of(position_)}});
}

void FinetuneRun::save_state(const fs::path& file, std::map<std::string, std::string> metadata) {
  metadata.merge(models::metadata_of(net_.network, data_.train->class_names()));
  metadata[kRun] = record_->text();
  std::vector<SavedParameters> sets{{net_.parameters.get(), "model/"}};
  if (const Parameters* velocity = runner_->optimizer().velocity()) {
    sets.push_back({velocity, "momentum/"});
  }
  save_parameters(file, sets, metadata);
}

}  // namespace trady::tools
