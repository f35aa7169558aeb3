// One run of `trady finetune`, from its options to the files in --out.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/schedule.h"
#include "engine/step/step_runner.h"
#include "tools/epoch_position.h"
#include "tools/input_pipeline.h"
#include "tools/run_checkpoint.h"
#include "tools/run_folder.h"
#include "tools/run_probe.h"
#include "tools/run_record.h"
#include "tools/setup.h"

namespace trady::tools {

struct FinetuneOptions {
  ModelOptions model;
  MethodOptions method;
  DataOptions data;
  TrainingOptions training;
  std::string out;
  bool resume = false;
  std::string progress = "auto";
  nlohmann::json given;     ///< options as the user has them, for the record
  std::string resume_line;  ///< what continues this run, typed into a shell
};

class FinetuneRun {
 public:
  /// Opens everything and checks that it fits together. Error before anything is trained.
  explicit FinetuneRun(const FinetuneOptions& options);
  /// Trains the epochs that are left; each leaves a checkpoint that --resume goes on from.
  /// Interrupted after Ctrl-C, with how to go on.
  void run();

 private:
  void prepare_network();
  void open_strategy();
  void size_steps();
  void plan_schedule();
  void open_probe();
  void open_record();
  void announce() const;
  // tools/finetune_epochs.cpp
  void evaluate_before();
  nlohmann::json run_epoch(int epoch);
  void train_steps(int epoch, const std::string& label);
  nlohmann::json evaluate(const std::shared_ptr<const Dataset>& images, const std::string& split,
                          const std::string& when);
  [[noreturn]] void stop(int epoch, const std::string& why);
  void save_weights(const std::filesystem::path& file);
  // tools/finetune_resume.cpp
  void open_checkpoint();
  void open_unfinished_epoch();
  EpochPosition position_in(const RunCheckpoint& unfinished) const;
  void restore_unfinished_epoch();
  RunState state() const;
  void save_checkpoint();
  void save_unfinished();
  void remove_unfinished();
  int total_epochs() const { return o_.training.warmup + o_.training.epochs; }

  FinetuneOptions o_;
  std::optional<RunFolder> folder_;
  nlohmann::json settings_, inputs_;
  std::optional<RunRecord> record_;
  std::optional<RunCheckpoint> checkpoint_;  ///< none: the run is new, or in its first epoch
  std::optional<RunCheckpoint> unfinished_;  ///< what an interrupted epoch left, if anything
  EpochPosition position_;                   ///< in the epoch that is being trained

  DatasetSplits data_;
  std::unique_ptr<kernels::Backend> backend_;
  LoadedNetwork net_;
  std::unique_ptr<Strategy> strategy_;
  std::shared_ptr<const Dataset> held_out_;  ///< from training; null: none
  StepSizing sizing_;
  std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<InputPipeline> input_;
  std::unique_ptr<RunProbe> probe_;
  int64_t input_bytes_ = 0;  ///< most that the input pipeline has held since the epoch began
  Schedule schedule_;
  int64_t steps_per_epoch_ = 0;
};

}  // namespace trady::tools
