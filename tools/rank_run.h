// One run of `trady rank`: epochs with all gradients, from its options to a ranking.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/step/step_runner.h"
#include "selection/ranking.h"
#include "tools/input_pipeline.h"
#include "tools/setup.h"

namespace trady::tools {

struct RankOptions {
  ModelOptions model;
  DataOptions data;
  int epochs = 3;
  int warmup = 1;
  std::optional<double> learning_rate;
  double clip_norm = 0;
  int64_t batch = 32;
  std::optional<int64_t> micro_batch;
  uint64_t seed = 0;
  std::string out;
  std::string progress = "auto";
};

/// Trains a copy of the network in memory.
class RankRun {
 public:
  /// Opens everything and checks that it fits together. Error before anything is trained.
  explicit RankRun(RankOptions options);
  /// Interrupted after Ctrl-C.
  Ranking run();
  const std::vector<ConvLayer>& convs() const { return net_.network.tape.convs(); }

 private:
  int total_epochs() const { return o_.warmup + o_.epochs; }

  RankOptions o_;
  DatasetSplits data_;
  std::unique_ptr<kernels::Backend> backend_;
  LoadedNetwork net_;
  std::unique_ptr<Strategy> strategy_;
  std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<InputPipeline> input_;
  std::unique_ptr<Loader> loader_;
};

}  // namespace trady::tools
