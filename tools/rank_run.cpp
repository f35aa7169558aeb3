#include "tools/rank_run.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/trainer.h"
#include "kernels/device_memory.h"
#include "selection/rgn.h"
#include "tools/device.h"
#include "tools/inference.h"
#include "tools/progress.h"
#include "tools/text.h"
#include "tools/version.h"

namespace trady::tools {

namespace {

constexpr const char* kMethod = "full";

/// The shortest text that gives the number back.
std::string number(double value) {
  return nlohmann::json(value).dump();
}

/// Everything that decides the result, defaults spelled out.
std::string command_line(const RankOptions& o) {
  const ModelOptions& model = o.model;
  std::string text = concat("trady rank --model ", model.model, " --weights ",
                            shell_word(model.weights), " --image-size ", *model.image_size,
                            " --data ", shell_word(o.data.data), " --recipe ", o.data.recipe);
  if (model.mix) text += " --mix";
  if (model.width) text += concat(" --width ", number(*model.width));
  if (model.batch_norm) text += " --batch-norm " + *model.batch_norm;
  if (model.calibrate_bn > 0) text += concat(" --calibrate-bn=", model.calibrate_bn);
  for (size_t i = 0; i < o.data.classes.size(); ++i) {
    text += concat(i == 0 ? " --classes " : ",", o.data.classes[i]);
  }
  if (o.data.val_split) text += " --val-split " + number(*o.data.val_split);
  text +=
      concat(" --epochs ", o.epochs, " --warmup ", o.warmup, " --lr ", number(*o.learning_rate));
  if (o.clip_norm > 0) text += " --clip-norm " + number(o.clip_norm);
  text += concat(" --batch ", o.batch);
  if (o.micro_batch) text += concat(" --micro-batch ", *o.micro_batch);
  text += concat(" --seed ", o.seed, " --device ", model.device);
  if (may_be_gpu(model.device)) text += " --precision " + model.precision;
  return text + " --out " + shell_word(o.out);
}

/// The last part of the path that the user gave.
std::string data_set_name(const std::string& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

int64_t most_input_channels(const std::vector<ConvLayer>& convs) {
  int64_t most = 0;
  for (const ConvLayer& conv : convs) most = std::max(most, conv.shape.in_c);
  return most;
}

/// Feeds the norms of every conv's weight gradient to `rgn`, after each backward pass.
std::function<void(const GradientView&)> norm_listener(const kernels::Backend& backend,
                                                       const std::vector<ConvLayer>& convs,
                                                       RgnAccumulator& rgn) {
  const auto on_device = std::make_shared<kernels::DeviceMemory>(
      backend, most_input_channels(convs) * int64_t{sizeof(double)});
  return [on_device, &rgn](const GradientView& gradients) {
    std::vector<double> norms;
    for (const GradientSlot& slot : gradients.slots) {
      if (slot.conv_index < 0 || slot.is_bias) continue;
      norms.resize(slot.channels.size());
      const auto count = static_cast<int64_t>(norms.size());
      gradients.backend.slice_norms(slot.shape, slot.kind, count, gradients.values(slot),
                                    static_cast<double*>(on_device->data()));
      gradients.backend.download(on_device->data(), count * int64_t{sizeof(double)}, norms.data());
      rgn.add(slot.conv_index, norms);
    }
    rgn.end_step();
  };
}

}  // namespace

RankRun::RankRun(RankOptions options) : o_(std::move(options)) {
  if (total_epochs() == 0) fail("--epochs and --warmup are both 0: there is nothing to rank by");
  data_ = open_data(o_.data, o_.seed);
  if (!data_.train) fail(o_.data.data, ": there are no training images; expected a folder train/");
  if (!o_.model.weights.empty()) describe_model(o_.model);  // else loading says what is missing
  backend_ = make_training_backend(o_.model);
  require_arithmetic(*backend_);
  net_ = load_network_for(data_, o_.data, o_.model, *backend_, HeadChoice::by_classes, o_.seed);
  if (!o_.learning_rate) o_.learning_rate = default_learning_rate(o_.model, kMethod);

  MethodOptions method;
  method.method = kMethod;
  method.batch = o_.batch;
  method.micro_batch = o_.micro_batch;
  method.seed = o_.seed;
  strategy_ = make_strategy(method, net_.network);
  StepRequest request = request_of(o_.model, method, /*optimizer_bytes=*/0);
  request.decoded_images = true;
  const StepSizing sizing =
      size_step(net_.network.tape, *backend_, *net_.parameters, demand_of(*strategy_), request);
  OptimizerSettings optimizer;
  optimizer.clip_norm = o_.clip_norm;
  runner_ = std::make_unique<StepRunner>(net_.network.tape, *backend_, *net_.parameters, optimizer,
                                         sizing.settings, sizing.workers);

  input_ = std::make_unique<InputPipeline>(o_.model, o_.data, net_.network.options.image_size,
                                           sizing.settings, o_.seed);
  loader_ = input_->training(data_.train);
}

Ranking RankRun::run() {
  std::printf("%s: %lld convs, %lld training images of %s, %d epochs with all gradients, lr %g\n",
              net_.network.name.c_str(), static_cast<long long>(net_.network.tape.convs().size()),
              static_cast<long long>(data_.train->size()), o_.data.data.c_str(), total_epochs(),
              *o_.learning_rate);
  const int64_t steps = loader_->batches_per_epoch();
  const Schedule schedule{*o_.learning_rate, steps * o_.warmup, steps * total_epochs()};
  RgnAccumulator rgn(strategy_->costs());
  runner_->select(strategy_->plan(0));
  runner_->on_gradients(norm_listener(*backend_, convs(), rgn));
  watch_for_interrupts();
  for (int epoch = 0; epoch < total_epochs(); ++epoch) {
    EpochResult trained;
    {
      Progress progress(parse_progress(o_.progress),
                        concat("epoch ", epoch + 1, "/", total_epochs()), o_.batch);
      trained = train_epoch(*runner_, *loader_, schedule, epoch, progress.listener());
    }
    require_no_divergence(epoch, {trained.loss, std::nullopt, std::nullopt}, *net_.parameters,
                          net_.network.options.classes);
    rgn.end_epoch();
    std::printf("epoch %3d/%d  loss %.4f  train %s  %.1f ms/step\n", epoch + 1, total_epochs(),
                trained.loss, percent(trained.accuracy(), 2).c_str(),
                1000 * trained.step_seconds / static_cast<double>(trained.steps));
    std::fflush(stdout);
  }

  const auto size = static_cast<int>(net_.network.options.image_size);
  Ranking ranking = make_ranking(net_.network.name, size, rgn.layer_rgn());
  ranking.source =
      concat("computed by trady ", version(), " on ", data_set_name(o_.data.data), " (", data_.kind,
             "), ", data_.train->size(), " training images in ", data_.train->class_count(),
             " classes, ", total_epochs(), " epochs (", o_.warmup, " of warm-up)");
  ranking.command = command_line(o_);
  runner_->on_gradients(nullptr);  // it refers to `rgn`
  return ranking;
}

}  // namespace trady::tools
