// What a run of `trady finetune` saves to go on from, and how it goes on.
//
// The checkpoint is what memory holds between two epochs. An epoch that is interrupted leaves what
// its steps have changed in a file of its own beside it: a resumed run begins the epoch as it was
// begun, from the checkpoint, so that every method selects what it had selected, whatever it looks
// at; only then it takes over the weights of the interruption and goes on behind its last step.
#include <cstdio>
#include <filesystem>

#include "engine/error.h"
#include "models/model_file.h"
#include "tools/finetune_run.h"

namespace trady::tools {

namespace fs = std::filesystem;

/// Finds what an interrupted run left in the folder.
void FinetuneRun::open_checkpoint() {
  if (!folder_->has_checkpoint(o_.resume)) {
    if (o_.resume) std::printf("%s holds no checkpoint yet: starting anew\n", o_.out.c_str());
    return;
  }
  if (const fs::path path = folder_->files().checkpoint(); fs::exists(path)) {
    checkpoint_.emplace(RunCheckpoint::open(path));
    record_ = checkpoint_->record;
  }
  if (fs::exists(folder_->files().unfinished_epoch())) open_unfinished_epoch();
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
  const fs::path path = folder_->files().unfinished_epoch();
  RunCheckpoint unfinished = RunCheckpoint::open_unfinished_epoch(path);
  const int epochs_before = record_ ? record_->epochs_done() : 0;
  if (unfinished.record.epochs_done() > epochs_before) {
    fail(path.string(), ": is of epoch ", unfinished.record.epochs_done() + 1, ", but ",
         checkpoint_ ? concat("the checkpoint is of epoch ", epochs_before)
                     : std::string("there is no checkpoint"),
         "; bring back checkpoint.safetensors, or ",
         checkpoint_ ? "remove this file to go on from there" : "choose another --out");
  }
  if (unfinished.record.epochs_done() < epochs_before) return;
  if (record_ && !record_->is_of_same_run(unfinished.record)) {
    fail(path.string(),
         ": is of another run than checkpoint.safetensors beside it; bring back the ",
         "file that had this name, or remove this one to begin the epoch again");
  }
  if (!record_) record_ = unfinished.record;
  unfinished_.emplace(std::move(unfinished));
}

EpochPosition FinetuneRun::position_in(const RunCheckpoint& unfinished) const {
  return parse_position(unfinished.position(), steps_per_epoch_, sizing_.settings.batch,
                        folder_->files().unfinished_epoch().string());
}

/// Once the epoch has selected.
void FinetuneRun::restore_unfinished_epoch() {
  unfinished_->load_weights(*net_.parameters);
  if (Parameters* velocity = runner_->optimizer().velocity()) unfinished_->load_momentum(*velocity);
  runner_->refresh_weights();
  kernels::work_counters().add(position_.work);
  std::printf("epoch %d goes on after step %lld of %lld\n", record_->epochs_done() + 1,
              static_cast<long long>(position_.done.steps),
              static_cast<long long>(steps_per_epoch_));
  std::fflush(stdout);
  unfinished_.reset();
}

RunState FinetuneRun::state() const {
  return {*record_, *net_.parameters, runner_->optimizer().velocity(),
          models::metadata_of(net_.network, data_.train->class_names())};
}

void FinetuneRun::save_checkpoint() {
  save_run_checkpoint(folder_->files().checkpoint(), state(), strategy_->state());
  remove_unfinished();
}

/// One that stays, since the run was killed, is told apart by its number of epochs.
void FinetuneRun::remove_unfinished() {
  std::error_code error;
  fs::remove(folder_->files().unfinished_epoch(), error);
}

void FinetuneRun::save_unfinished() {
  save_unfinished_epoch(folder_->files().unfinished_epoch(), state(), text_of(position_));
}

}  // namespace trady::tools
