// What the whole-network benches run: a network, a batch of random pixels, and one method's steps.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/step/step_runner.h"
#include "tools/setup.h"

namespace trady::bench {

struct WorkloadOptions {
  tools::ModelOptions model;  ///< neither model nor weights: mbv2-w0.35, at 128 px if not said
  int64_t classes = 12;
  int64_t batch = 32;
  std::optional<int64_t> micro_batch;
  std::optional<std::string> memory_limit;
  std::string budget = "27946";     ///< of budgeted methods
  std::optional<std::string> pool;  ///< of methods with a pool
  int last_k = 6;                   ///< of last-k
  uint64_t seed = 0;
};
void add_workload_options(CLI::App& app, WorkloadOptions& options);
nlohmann::json json_of(const WorkloadOptions& options);

/// Random bytes and labels that repeat from run to run.
class RandomBatch {
 public:
  RandomBatch(int64_t count, int64_t image_size, int64_t classes);
  BatchView view() const;

 private:
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
};

/// A network of its own and what runs the steps of one method, or inference alone.
class MethodSteps {
 public:
  /// `method`: one of tools' methods, or "forward" for inference.
  MethodSteps(const WorkloadOptions& options, const std::string& method,
              const kernels::Backend& backend);

  /// Plans the next draw; methods without draws plan the same again.
  void select_next();
  /// One training step at a learning rate that changes next to nothing; or one inference batch.
  void step(const BatchView& batch);
  /// `count` of them; where the device allows it, the next is begun before the last has ended.
  void run(const BatchView& batch, int count);

  const Network& network() const { return net_.network; }
  const Strategy* strategy() const { return strategy_.get(); }  ///< null for inference
  const StepSizing& sizing() const { return sizing_; }
  StepRunner& runner() { return *runner_; }
  bool draws() const { return strategy_ && strategy_->info().changes_every_epoch; }

 private:
  tools::LoadedNetwork net_;
  std::unique_ptr<Strategy> strategy_;
  StepSizing sizing_;
  std::unique_ptr<StepRunner> runner_;
  int next_epoch_ = 0;
};

/// Milliseconds that `work` takes.
template <typename Work>
double milliseconds(const Work& work) {
  const auto started = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started)
      .count();
}

}  // namespace trady::bench
