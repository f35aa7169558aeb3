// Fine-tunes a pretrained network with TraDy on images of other classes: weights and images in,
// weights out. The images may be a folder, CIFAR or IDX files (engine/data/open_dataset.h).
// usage: finetune WEIGHTS IMAGES OUT
#include <cstdio>
#include <exception>
#include <memory>

#include "engine/data/open_dataset.h"
#include "engine/error.h"
#include "engine/step/step_sizing.h"
#include "engine/trainer.h"
#include "models/initialization.h"
#include "models/registry.h"
#include "models/weights.h"
#include "selection/budget.h"
#include "selection/strategy.h"

using namespace trady;

static void finetune(const char* weights, const char* images, const char* out) {
  const DatasetSplits data = open_dataset(images);
  const auto file = SafetensorsFile::open(weights);
  models::ModelFile described = models::describe(file);
  described.options.classes = data.train->class_count();
  const Network network = models::build(described.model, described.options);

  const auto device = kernels::make_cpu_backend();
  Parameters parameters(network.tape.parameters(), *device);
  models::load_weights(file, described, network, parameters, head_parameters(network));
  models::initialize_head(network, parameters, /*seed=*/0);

  StrategyOptions wanted;
  wanted.network = network.name;
  wanted.convs = network.tape.convs();
  wanted.budget_elements = parse_budget("2%", CostModel(wanted.convs));
  const auto method = make_strategy("trady", wanted);

  StepSettings step{.batch = 32};
  step.micro_batch = default_micro_batch(network.tape, *device, step.batch);
  StepRunner runner(network.tape, *device, parameters, {}, step, /*workers=*/2);

  LoaderOptions loading = LoaderOptions::training();
  loading.batch_size = step.batch;
  loading.transform = {static_cast<int>(described.options.image_size), Recipe::none};
  const auto kept = std::make_shared<CacheBudget>(int64_t{256} << 20);
  Loader loader(std::make_shared<DecodedCache>(data.train, kept), loading);

  constexpr int kEpochs = 3;
  const int64_t steps = loader.batches_per_epoch();
  const Schedule schedule{
      .peak_learning_rate = 0.2, .warmup_steps = steps, .total_steps = kEpochs * steps};
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    runner.select(method->plan(epoch));
    const EpochResult result = train_epoch(runner, loader, schedule, epoch, {});
    std::printf("epoch %d: loss %.3f, accuracy %.3f\n", epoch + 1, result.loss, result.accuracy());
  }
  models::save_weights(out, network, parameters, data.train->class_names(), file.path());
}

int main(int argc, char** argv) {
  try {
    if (argc != 4) fail("usage: finetune WEIGHTS IMAGES OUT");
    finetune(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "finetune: %s\n", error.what());
    return 1;
  }
  return 0;
}
