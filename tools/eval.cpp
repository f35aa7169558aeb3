// trady eval: accuracy of a network on images that it was not trained on.
#include <cstdio>
#include <memory>

#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/stopwatch.h"
#include "engine/suggest.h"
#include "engine/trainer.h"
#include "tools/class_mapping.h"
#include "tools/commands.h"
#include "tools/inference.h"
#include "tools/input_pipeline.h"
#include "tools/json_output.h"
#include "tools/number_checks.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

struct EvalOptions {
  ModelOptions model;
  DataOptions data;
  std::string split = "test";
  uint64_t seed = 0;
  int64_t batch = 32;
  std::string json;
  std::string progress = "auto";
};

struct Split {
  std::string name;
  std::shared_ptr<const Dataset> images;
};

/// The split asked for; without a test split the next best, and a word about it.
Split choose_split(const EvalOptions& o) {
  const DatasetSplits splits = open_data(o.data, o.seed);
  const std::vector<Split> by_preference{
      {"test", splits.test}, {"val", splits.val}, {"train", splits.train}};
  std::vector<std::string> names, present;
  for (const Split& split : by_preference) {
    names.push_back(split.name);
    if (split.images) present.push_back(split.name);
  }
  const auto asked = std::ranges::find(by_preference, o.split, &Split::name);
  if (asked == by_preference.end()) {
    fail("--split: there is no split '", o.split, "'", suggestion(o.split, names), "; there are ",
         join(names));
  }
  if (asked->images) return *asked;
  if (present.empty() || o.split != "test") {
    fail(o.data.data, ": has no ", o.split, " split; it has ", join(present),
         o.split == "val" ? "; --val-split 0.1 takes one from the training images" : "");
  }
  const Split& next = *std::ranges::find(by_preference, present.front(), &Split::name);
  std::fprintf(stderr, "note: %s has no test split; using %s\n", o.data.data.c_str(),
               splits.unsplit ? "all its images" : next.name.c_str());
  return next;
}

void run_eval(EvalOptions o) {
  if (!o.json.empty()) require_writable("--json", o.json, {o.model.weights, o.data.data});
  const Split split = choose_split(o);
  StepSettings steps;
  steps.batch = o.batch;
  steps.decoded_images = true;
  Inference inference = open_inference(o.model, steps);
  const Network& network = inference.loaded.network;
  if (split.images->class_count() != network.options.classes) {
    fail(o.model.weights, ": the classifier has ", network.options.classes, " classes, but ",
         o.data.data, " has ", split.images->class_count(),
         "; give the data that it was trained for, or adapt it with `trady finetune`");
  }
  const auto& names = inference.loaded.class_names;
  const ClassMapping mapping = map_classes(names, split.images->class_names());
  if (!mapping.note.empty()) std::fprintf(stderr, "note: %s\n", printable(mapping.note).c_str());

  InputPipeline input(o.model, o.data, network.options.image_size, inference.runner->settings(),
                      o.seed);
  input.note_cut(*split.images);
  const std::unique_ptr<Loader> loader =
      input.testing(relabel(split.images, mapping, names), split.name + " set");

  watch_for_interrupts();
  const Stopwatch watch;
  EvaluationResult result;
  {
    Progress progress(parse_progress(o.progress), split.name, o.batch);
    result = evaluate_all(*inference.runner, *loader, progress.listener());
  }
  const double seconds = watch.seconds();
  const auto count = static_cast<double>(result.count);
  const double accuracy = static_cast<double>(result.correct) / count;
  std::printf("%s, %lld px, %s on %s (%s)\n", network.name.c_str(),
              static_cast<long long>(network.options.image_size), o.data.data.c_str(),
              inference.backend->name().c_str(), inference.backend->isa().c_str());
  std::printf("%s: top-1 %s (%lld of %lld), loss %.4f, %.0f images/s with decoding\n",
              split.name.c_str(), percent(accuracy, 2).c_str(),
              static_cast<long long>(result.correct), static_cast<long long>(result.count),
              result.loss_sum / count, count / seconds);
  write_json(o.json, {{"format", "trady eval"},
                      {"format_version", 1},
                      {"model", network.name},
                      {"weights", o.model.weights},
                      {"data", o.data.data},
                      {"split", split.name},
                      {"recipe", o.data.recipe},
                      {"image_size", network.options.image_size},
                      {"device", inference.backend->name()},
                      {"isa", inference.backend->isa()},
                      {"images", result.count},
                      {"correct", result.correct},
                      {"accuracy", accuracy},
                      {"loss", result.loss_sum / count},
                      {"seconds", seconds},
                      {"class_mapping", mapping.note}});
}

}  // namespace

void add_eval(CLI::App& app) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App* command = app.add_subcommand("eval", "Accuracy of a network on a data set");
  add_model_options(*command, options->model);
  add_data_options(*command, options->data);
  add_progress_option(*command, options->progress);
  command->add_option("--split", options->split, "test, val or train")->capture_default_str();
  command->add_option("--seed", options->seed, "of --val-split: the one of the training run")
      ->transform(seed_number())
      ->capture_default_str();
  command->add_option("--batch", options->batch, "images a step")
      ->transform(whole_number(1, kMaxBatch))
      ->capture_default_str();
  add_json_option(*command, options->json);
  command->footer(
      "Examples:\n"
      "  The test images of a folder flowers/test/CLASS/*.jpg:\n"
      "    trady eval --weights runs/flowers/weights.safetensors --data flowers\n"
      "  What a run with --val-split 0.1 --seed 3 validated on:\n"
      "    trady eval --weights runs/x/best.safetensors --data flowers --split val \\\n"
      "          --val-split 0.1 --seed 3\n"
      "  Published weights for CIFAR on its test images, which are taken as they are:\n"
      "    trady eval --weights resnet20.safetensors --data cifar-10-batches-bin --recipe none\n"
      "Images are prepared as --recipe says for testing: without augmentation.");
  command->callback([options] { run_eval(*options); });
}

}  // namespace trady::tools
