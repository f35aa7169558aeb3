#include "tools/run_probe.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/batch_norm.h"
#include "engine/data/subset.h"
#include "engine/error.h"
#include "engine/random.h"
#include "engine/stopwatch.h"
#include "tools/gradient_pass.h"

namespace trady::tools {

std::shared_ptr<const Dataset> hold_out(DatasetSplits& data, int64_t count, uint64_t seed) {
  if (data.train->size() <= count) {
    fail("the training set has ", data.train->size(), " images, and ", count,
         " are held out to compare outputs on; use more images or another --method");
  }
  std::vector<int64_t> order(static_cast<size_t>(data.train->size()));
  std::iota(order.begin(), order.end(), 0);
  RandomStream random(seed, RandomPurpose::held_out);
  shuffle(std::span<int64_t>(order), random);
  const auto middle = order.begin() + count;
  std::sort(order.begin(), middle);
  std::sort(middle, order.end());
  auto held_out = std::make_shared<Subset>(data.train, std::vector<int64_t>(order.begin(), middle));
  data.train = std::make_shared<Subset>(data.train, std::vector<int64_t>(middle, order.end()));
  return held_out;
}

RunProbe::RunProbe(Run run) : run_(std::move(run)) {}

void RunProbe::watch_outputs(std::shared_ptr<const Dataset> held_out,
                             std::unique_ptr<InputPipeline> input) {
  held_out_ = std::move(held_out);
  held_out_input_ = std::move(input);
  similarity_ = std::make_unique<NeuronSimilarity>(run_.network.tape, run_.parameters);
}

void RunProbe::begin_epoch(int epoch) {
  epoch_ = epoch;
  cost_ = nullptr;
  if (similarity_) similarity_->remember();
}

std::vector<double> RunProbe::weight(int conv) {
  const Tape& tape = run_.network.tape;
  const std::string& name = tape.convs().at(static_cast<size_t>(conv)).name;
  const ParameterId id = run_.parameters.find(name + ".weight");
  const auto layer = std::ranges::find(tape.batch_norms(), id, &BatchNormLayer::weight);
  if (tape.batch_norm_mode() == BatchNormMode::frozen && layer != tape.batch_norms().end()) {
    return plain_weight(*layer, run_.parameters);
  }
  return run_.parameters.get(id);
}

std::vector<std::vector<double>> RunProbe::gradient_norms(const std::vector<int>& convs) {
  const Stopwatch watch;
  const std::unique_ptr<Loader> loader = run_.input.training(run_.training_images);
  Progress progress(run_.progress, concat("epoch ", epoch_ + 1, " gradient"), run_.batch);
  GradientPass pass = run_gradient_pass(run_.runner, run_.network.tape, run_.parameters, *loader,
                                        convs, epoch_, progress.listener());
  cost_ = {{"look", "gradients"},
           {"steps", pass.steps},
           {"seconds", watch.seconds()},
           {"reserved_bytes", pass.reserved_bytes}};
  return std::move(pass.norms);
}

std::vector<std::vector<double>> RunProbe::output_similarity() {
  const Stopwatch watch;
  const std::unique_ptr<Loader> loader =
      held_out_input_->testing(held_out_, "set of held-out images");
  std::vector<std::vector<double>> similarity = similarity_->measure(*loader);
  cost_ = {{"look", "outputs"},
           {"images", held_out_->size()},
           {"seconds", watch.seconds()},
           {"reserved_bytes", similarity_->reserved_bytes()}};
  return similarity;
}

}  // namespace trady::tools
