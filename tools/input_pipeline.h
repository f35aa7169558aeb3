// From a split of a data set to batches: what finetune, rank and eval have in common.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/data/loader.h"
#include "engine/step/step_planner.h"
#include "tools/options.h"

namespace trady::tools {

/// Opens loaders, each for as long as it is needed: a loader holds a ring of batches and threads of
/// its own, while decoded images stay between passes, within one --cache for all splits.
class InputPipeline {
 public:
  /// Of networks that take images of `image_size`, in batches as `steps` want them.
  InputPipeline(const ModelOptions& model, const DataOptions& data, int64_t image_size,
                const StepSettings& steps, uint64_t seed);

  /// Augmented and shuffled.
  std::unique_ptr<Loader> training(const std::shared_ptr<const Dataset>& images);
  /// Shuffled, but not augmented.
  std::unique_ptr<Loader> sampling(const std::shared_ptr<const Dataset>& images);
  /// Every sample once, in order, as for testing. `name` is what errors call the images: "test
  /// set".
  std::unique_ptr<Loader> testing(const std::shared_ptr<const Dataset>& images,
                                  const std::string& name);

  /// Says on standard error where images that have the network's size already, as those of CIFAR
  /// have, are enlarged and cut even for testing: few who evaluate published weights expect that.
  void note_cut(const Dataset& images) const;

  /// While `open` is the one loader that is open: its ring and threads, and what all splits that
  /// were ever opened keep. A data set that two splits share counts twice.
  int64_t bytes(const Loader& open) const;

 private:
  std::unique_ptr<Loader> open(const std::shared_ptr<const Dataset>& images, LoaderOptions options);

  LoaderOptions common_;
  std::shared_ptr<CacheBudget> budget_;
  std::map<const Dataset*, std::shared_ptr<DecodedCache>> caches_;
};

}  // namespace trady::tools
