// What a method sees of a run of `trady finetune` before it selects.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "engine/data/open_dataset.h"
#include "engine/step/step_runner.h"
#include "models/network.h"
#include "selection/selection_probe.h"
#include "tools/input_pipeline.h"
#include "tools/neuron_similarity.h"
#include "tools/progress.h"

namespace trady::tools {

/// Images that Velocity compares outputs on (docs/methods.md).
constexpr int64_t kHeldOutImages = 10;

/// Takes `count` images, drawn by the seed, out of the training set, and returns them in its order.
/// Error if none would be left.
std::shared_ptr<const Dataset> hold_out(DatasetSplits& data, int64_t count, uint64_t seed);

class RunProbe final : public SelectionProbe {
 public:
  struct Run {
    const Network& network;
    Parameters& parameters;
    StepRunner& runner;
    InputPipeline& input;
    std::shared_ptr<const Dataset> training_images;
    int64_t batch = 0;
    ProgressStyle progress = ProgressStyle::none;
  };
  explicit RunProbe(Run run);
  /// For Look::outputs: on these images, which `input` prepares one by one.
  void watch_outputs(std::shared_ptr<const Dataset> held_out, std::unique_ptr<InputPipeline> input);

  /// Before the method chooses for this epoch.
  void begin_epoch(int epoch);
  /// What has been looked at since, for the run's record; null: nothing that takes memory.
  const nlohmann::json& cost() const { return cost_; }

  std::vector<double> weight(int conv) override;
  std::vector<std::vector<double>> gradient_norms(const std::vector<int>& convs) override;
  std::vector<std::vector<double>> output_similarity() override;

 private:
  Run run_;
  int epoch_ = 0;
  nlohmann::json cost_;
  std::shared_ptr<const Dataset> held_out_;
  std::unique_ptr<InputPipeline> held_out_input_;
  std::unique_ptr<NeuronSimilarity> similarity_;
};

}  // namespace trady::tools
