#include "tools/options.h"

#include <limits>
#include <thread>

#include "engine/data/transform.h"
#include "engine/limits.h"
#include "engine/suggest.h"
#include "models/batch_norm_modes.h"
#include "models/registry.h"
#include "selection/strategy.h"
#include "tools/device.h"
#include "tools/json_output.h"
#include "tools/number_checks.h"

namespace trady::tools {

namespace {

constexpr int64_t kMaxThreads = 1024;
constexpr int64_t kMaxConvs = 1000000;
constexpr int64_t kMaxClass = std::numeric_limits<int32_t>::max();
constexpr double kMaxResidualScale = 100;
constexpr double kMaxWidth = 64;
constexpr int64_t kMaxCalibrationImages = 1000000;

std::string method_names() {
  std::vector<std::string> names;
  for (const StrategyInfo& info : strategy_infos()) names.push_back(info.name);
  return join(names);
}

}  // namespace

void add_model_options(CLI::App& command, ModelOptions& o) {
  command.add_option("--model", o.model,
                     "network: " + join(models::names()) + " (default: what --weights says)");
  command.add_option("--weights", o.weights,
                     "pretrained weights (.safetensors), or the folder of a finished run");
  command
      .add_option("--image-size", o.image_size,
                  "pixels of the input square (default: what --weights says)")
      ->transform(whole_number(1, kMaxImageSize));
  command.add_flag("--mix", o.mix, "with the last 1x1 convolution of the paper's float networks");
  command
      .add_option("--width", o.width,
                  "factor of mobilenet_v2's channels (default: what --weights says)")
      ->check(positive_number(kMaxWidth));
  command
      .add_option("--batch-norm", o.batch_norm,
                  "folded: part of the weights; frozen: statistics, gamma and beta stay; train: "
                  "statistics of each batch, gamma and beta of all layers are trained, which "
                  "keeps every layer's output (default: folded or frozen, as --weights has it)")
      ->check(CLI::IsMember(models::batch_norm_modes()));
  command.add_option("--device", o.device, kDeviceHelp)->capture_default_str();
  command.add_option("--precision", o.precision, kPrecisionHelp)->capture_default_str();
  command
      .add_option("--threads", o.threads,
                  "worker threads; with a GPU those that decode images (0: one a core)")
      ->transform(whole_number(0, kMaxThreads))
      ->capture_default_str();
}

void add_calibration_option(CLI::App& command, ModelOptions& o) {
  command
      .add_flag("--calibrate-bn{256}", o.calibrate_bn,
                "put batch-norms back into weights that have them folded in, with the statistics "
                "of so many training images; what the network computes stays the same")
      ->transform(whole_number(1, kMaxCalibrationImages));
}

void add_method_options(CLI::App& command, MethodOptions& o) {
  command.add_option("--method", o.method, "what to update: " + method_names())
      ->capture_default_str();
  command.add_option("--budget", o.budget,
                     "B_mem: elements per sample (27946), a size (110KiB) or a share of the "
                     "network's total (2%)");
  command.add_option("--pool", o.pool,
                     "convs to select from: first K of the ranking (35), a share of the gradient "
                     "norm (97%), a file from `trady rank`, or all");
  command.add_option(
      "--scheme", o.scheme,
      "static scheme that su updates, or whose weights velocity has as its budget, e.g. "
      "49kB (default: the network's smallest)");
  command.add_option("--last", o.last_k, "convs that last-k updates")
      ->transform(whole_number(1, kMaxConvs));
  command.add_flag("--paper-depthwise-cost", o.paper_depthwise_cost,
                   "count 1 weight a depthwise channel, as the paper's budget of 27946 does");
  command.add_option("--memory-limit", o.memory_limit,
                     "bound of what a step reserves, e.g. 6MiB: weights, activations, gradients, "
                     "workspace");
  command.add_option("--batch", o.batch, "images a step")
      ->transform(whole_number(1, kMaxBatch))
      ->capture_default_str();
  command
      .add_option("--micro-batch", o.micro_batch,
                  "images that a worker takes through the network at a time; divides --batch "
                  "(default: from the shapes)")
      ->transform(whole_number(1, kMaxBatch));
  command.add_option("--seed", o.seed, "of selection, order, augmentation and initialization")
      ->transform(seed_number())
      ->capture_default_str();
}

void add_data_options(CLI::App& command, DataOptions& o) {
  command
      .add_option("--data", o.data,
                  "folder: train/CLASS/*.jpg and test/ (or val/), CIFAR binary, or IDX files")
      ->required();
  command
      .add_option("--recipe", o.recipe,
                  "augmentation: standard (the paper's), vww, light (shift and flip), none")
      ->capture_default_str();
  command.add_option("--val-split", o.val_split, "share of the training images to validate on")
      ->check(real_number(0, 1));
  command.add_option("--classes", o.classes, "use these labels alone, e.g. 5,6,7")
      ->delimiter(',')
      ->transform(whole_number(0, kMaxClass));
  command.add_option("--cache", o.cache, "memory for decoded images")->capture_default_str();
}

void add_training_options(CLI::App& command, TrainingOptions& o) {
  command.add_option("--epochs", o.epochs, "epochs after the warm-up")
      ->transform(whole_number(0, kMaxEpochs))
      ->capture_default_str();
  command.add_option("--warmup", o.warmup, "epochs of linear warm-up")
      ->transform(whole_number(0, kMaxEpochs))
      ->capture_default_str();
  command
      .add_option("--lr", o.learning_rate,
                  "peak learning rate (default: one that works for model and method)")
      ->check(positive_number(kMaxLearningRate));
  command.add_option("--momentum", o.momentum, "of SGD; its memory is not in the budget")
      ->check(real_number(0, kMaxMomentum))
      ->capture_default_str();
  command.add_option("--weight-decay", o.weight_decay, "of SGD")
      ->check(real_number(0, 1))
      ->capture_default_str();
  command.add_option("--clip-norm", o.clip_norm, "bound of the gradient's norm (0: none)")
      ->check(real_number(0, kMaxGradientNorm))
      ->capture_default_str();
  CLI::Option* new_head =
      command.add_flag("--new-head", o.new_head,
                       "start with a new classifier even if --weights has one for these classes");
  command
      .add_flag("--keep-head", o.keep_head,
                "go on with the classifier of --weights even if its classes have other names")
      ->excludes(new_head);
  command.add_flag("--from-scratch", o.from_scratch, "start from random weights: pretraining");
  command
      .add_option("--residual-scale", o.residual_scale,
                  "with --from-scratch: factor of each residual branch's last weights")
      ->check(real_number(0, kMaxResidualScale))
      ->capture_default_str();
}

nlohmann::json settings_json(const ModelOptions& model, const MethodOptions& method,
                             const DataOptions& data, const TrainingOptions& training) {
  const auto optional = [](const auto& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  nlohmann::json settings{
      {"model", model.model},
      {"weights", model.weights},
      {"image_size", optional(model.image_size)},
      {"mix", model.mix},
      {"width", optional(model.width)},
      {"batch_norm", optional(model.batch_norm)},
      {"device", kind_of_device(model.device)},
      {"method", method.method},
      {"budget", optional(method.budget)},
      {"pool", optional(method.pool)},
      {"scheme", optional(method.scheme)},
      {"last", optional(method.last_k)},
      {"paper_depthwise_cost", method.paper_depthwise_cost},
      {"batch", method.batch},
      {"seed", method.seed},
      {"data", data.data},
      {"recipe", data.recipe},
      {"val_split", optional(data.val_split)},
      {"classes", data.classes},
      {"epochs", training.epochs},
      {"warmup", training.warmup},
      {"learning_rate", optional(training.learning_rate)},
      {"momentum", training.momentum},
      {"weight_decay", training.weight_decay},
      {"clip_norm", training.clip_norm},
      {"new_head", training.new_head},
      {"keep_head", training.keep_head},
      {"from_scratch", training.from_scratch},
      {"calibrate_bn", model.calibrate_bn},
      {"residual_scale", training.residual_scale},
  };
  if (may_be_gpu(model.device)) settings["precision"] = model.precision;
  return with_valid_text(settings);
}

int thread_count(const ModelOptions& options) {
  if (options.threads > 0) return options.threads;
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace trady::tools
