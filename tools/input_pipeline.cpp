#include "tools/input_pipeline.h"

#include <cstdio>

#include "selection/budget.h"

namespace trady::tools {

InputPipeline::InputPipeline(const ModelOptions& model, const DataOptions& data, int64_t image_size,
                             const StepSettings& steps, uint64_t seed)
    : budget_(std::make_shared<CacheBudget>(parse_bytes(data.cache, "--cache"))) {
  common_.transform = {static_cast<int>(image_size), parse_recipe(data.recipe)};
  common_.batch_size = steps.batch;
  common_.output = steps.decoded_images ? LoaderOutput::images : LoaderOutput::pixels;
  common_.seed = seed;
  common_.threads = thread_count(model);
}

std::unique_ptr<Loader> InputPipeline::training(const std::shared_ptr<const Dataset>& images) {
  return open(images, LoaderOptions::training());
}

std::unique_ptr<Loader> InputPipeline::sampling(const std::shared_ptr<const Dataset>& images) {
  LoaderOptions options = LoaderOptions::training();
  options.mode = LoaderMode::test;
  return open(images, options);
}

std::unique_ptr<Loader> InputPipeline::testing(const std::shared_ptr<const Dataset>& images,
                                               const std::string& name) {
  LoaderOptions options = LoaderOptions::testing();
  options.data_name = name;
  return open(images, options);
}

std::unique_ptr<Loader> InputPipeline::open(const std::shared_ptr<const Dataset>& images,
                                            LoaderOptions options) {
  options.transform = common_.transform;
  options.batch_size = common_.batch_size;
  options.output = common_.output;
  options.seed = common_.seed;
  options.threads = common_.threads;
  std::shared_ptr<DecodedCache>& cache = caches_[images.get()];
  if (!cache) cache = std::make_shared<DecodedCache>(images, budget_);
  return std::make_unique<Loader>(cache, options);
}

void InputPipeline::note_cut(const Dataset& images) const {
  if (common_.transform.recipe != Recipe::standard || images.decodes() || images.size() == 0)
    return;
  const int size = common_.transform.image_size;
  const Image first = images.load(0);
  if (first.width != size || first.height != size) return;
  std::fprintf(stderr,
               "note: the images are %d x %d px, as the network wants them; --recipe standard cuts "
               "their border off in testing too, --recipe light takes them whole\n",
               size, size);
}

int64_t InputPipeline::bytes(const Loader& open) const {
  int64_t bytes = open.pipeline_bytes();  // its own split's images included
  for (const auto& [images, cache] : caches_) {
    if (images != &open.dataset()) bytes += cache->bytes() + images->resident_bytes();
  }
  return bytes;
}

}  // namespace trady::tools
