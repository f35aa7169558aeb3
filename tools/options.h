// Options that several sub-commands share, as the user writes them.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace trady::tools {

/// Beyond these a number is a mistake.
constexpr int64_t kMaxBatch = 65536;
constexpr int64_t kMaxEpochs = 1000000;
constexpr double kMaxLearningRate = 1e6;
constexpr double kMaxMomentum = 0.9999;
constexpr double kMaxGradientNorm = 1e12;

/// Which network, with which weights, on what.
struct ModelOptions {
  std::string model;                  ///< empty: what the weights file says
  std::string weights;                ///< safetensors; empty: none
  std::optional<int64_t> image_size;  ///< absent: what the weights file says
  bool mix = false;
  std::optional<double> width;            ///< absent: what the weights file says, else 1
  std::optional<std::string> batch_norm;  ///< absent: frozen where the weights file has them apart
  std::string device = "cpu";
  std::string precision = "tf32";  ///< of a GPU's matrix products
  int threads = 0;                 ///< 0: one a core
  int64_t calibrate_bn = 0;        ///< training images to put batch-norms back with; 0: none are
};
void add_model_options(CLI::App& command, ModelOptions& options);
/// Of commands that train.
void add_calibration_option(CLI::App& command, ModelOptions& options);

/// Which weights may be updated.
struct MethodOptions {
  std::string method = "trady";
  std::optional<std::string> budget, pool, scheme;
  std::optional<int> last_k;
  bool paper_depthwise_cost = false;
  std::optional<std::string> memory_limit;
  int64_t batch = 32;
  std::optional<int64_t> micro_batch;
  uint64_t seed = 0;
};
void add_method_options(CLI::App& command, MethodOptions& options);

/// Which images, and how they are prepared.
struct DataOptions {
  std::string data;
  std::string recipe = "standard";
  std::optional<double> val_split;
  std::vector<int32_t> classes;  ///< empty: all
  std::string cache = "1GiB";
};
void add_data_options(CLI::App& command, DataOptions& options);

/// How long and how fast.
struct TrainingOptions {
  int epochs = 15;
  int warmup = 5;
  std::optional<double> learning_rate;
  double momentum = 0, weight_decay = 0, clip_norm = 0;
  bool new_head = false, keep_head = false;
  bool from_scratch = false;
  double residual_scale = 0.3;
};
void add_training_options(CLI::App& command, TrainingOptions& options);

/// Everything asked for that decides the result of a run, for run.json and for --resume.
nlohmann::json settings_json(const ModelOptions& model, const MethodOptions& method,
                             const DataOptions& data, const TrainingOptions& training);

/// Threads that `options` asks for: at least one.
int thread_count(const ModelOptions& options);

}  // namespace trady::tools
