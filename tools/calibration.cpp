#include "tools/calibration.h"

#include <algorithm>
#include <cstdio>

#include "engine/batch_norm.h"
#include "engine/calibration.h"
#include "engine/error.h"
#include "engine/trainer.h"
#include "models/batch_norm_modes.h"
#include "models/registry.h"
#include "tools/input_pipeline.h"

namespace trady::tools {

namespace {

constexpr int64_t kBatch = 32;

LoadedNetwork with_mode(const LoadedNetwork& folded, BatchNormMode mode,
                        const kernels::Backend& backend) {
  NetworkOptions options = folded.network.options;
  options.batch_norm = mode;
  LoadedNetwork built;
  built.network = models::build(folded.network.name, options);
  built.parameters = std::make_unique<Parameters>(built.network.tape.parameters(), backend);
  built.class_names = folded.class_names;
  built.new_head = folded.new_head;
  return built;
}

/// Everything that the other one has too.
void copy_common(const Parameters& from, Parameters& to) {
  for (size_t i = 0; i < from.specs().size(); ++i) {
    const std::string& name = from.specs()[i].name;
    const bool common =
        std::ranges::find(to.specs(), name, &ParameterSpec::name) != to.specs().end();
    if (common) to.set(to.find(name), from.get(static_cast<ParameterId>(i)));
  }
}

/// Of the convolutions that the batch-norms stand behind.
std::vector<std::vector<double>> folded_biases(const Tape& tape, const Parameters& folded) {
  std::vector<std::vector<double>> biases;
  for (const ConvLayer& conv : tape.convs()) {
    biases.push_back(folded.get(folded.find(conv.name + ".bias")));
  }
  return biases;
}

}  // namespace

LoadedNetwork with_batch_norms(const LoadedNetwork& folded, const ModelOptions& model,
                               const kernels::Backend& backend,
                               const std::shared_ptr<const Dataset>& images,
                               const DataOptions& data, uint64_t seed) {
  if (images->size() < model.calibrate_bn) {
    fail("--calibrate-bn ", model.calibrate_bn, ": there are only ", images->size(),
         " training images; use --calibrate-bn=", images->size());
  }
  LoadedNetwork trained = with_mode(folded, BatchNormMode::train, backend);
  const Tape& tape = trained.network.tape;
  copy_common(*folded.parameters, *trained.parameters);

  StepSettings steps;
  steps.batch = std::min(kBatch, model.calibrate_bn);
  InputPipeline input(model, data, trained.network.options.image_size, steps, seed);
  const std::unique_ptr<Loader> loader = input.sampling(images);
  BatchNormCalibration calibration(tape, backend, *trained.parameters,
                                   folded_biases(tape, *folded.parameters), steps.batch);
  loader->start_epoch(0);
  Batch batch;
  const int64_t batches = model.calibrate_bn / steps.batch;
  for (int64_t i = 0; i < batches && loader->next(batch); ++i) calibration.observe(view_of(batch));
  calibration.finish();
  const int64_t observed = batches * steps.batch;
  std::printf("batch-norms put back with the statistics of %lld training images\n",
              static_cast<long long>(observed));

  if (model.batch_norm != models::name_of(BatchNormMode::frozen)) return trained;
  LoadedNetwork frozen = with_mode(folded, BatchNormMode::frozen, backend);
  copy_common(*trained.parameters, *frozen.parameters);
  merge_batch_norms(frozen.network.tape, *frozen.parameters);
  return frozen;
}

}  // namespace trady::tools
