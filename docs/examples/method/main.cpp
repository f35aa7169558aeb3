// A method of one's own: each epoch gives the whole budget to channels of one conv, the next of the
// pool in turn, instead of drawing channels from all of them. The network goes on learning the
// classes that it knows: the images have as many.
// usage: method WEIGHTS IMAGES
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <numeric>
#include <utility>

#include "engine/data/open_dataset.h"
#include "engine/error.h"
#include "engine/step/step_sizing.h"
#include "engine/trainer.h"
#include "models/registry.h"
#include "models/weights.h"
#include "selection/budget.h"
#include "selection/strategy.h"

using namespace trady;

namespace {

class OneConvInTurn : public Strategy {
 public:
  OneConvInTurn(CostModel costs, Pool pool, int64_t budget_elements)
      : Strategy(
            {.info = {.name = "one-conv-in-turn", .budgeted = true, .changes_every_epoch = true},
             .costs = std::move(costs),
             .pool = std::move(pool)}),
        budget_elements_(budget_elements) {}

  UpdatePlan plan(int epoch) const override {
    const std::vector<int>& convs = pool().convs;
    const int conv = convs[static_cast<size_t>(epoch) % convs.size()];
    const int64_t affordable = budget_elements_ / costs().unit(conv).total();
    const int64_t channels = std::min(costs().convs()[conv].shape.in_c, affordable);
    std::vector<int32_t> chosen(static_cast<size_t>(channels));
    std::iota(chosen.begin(), chosen.end(), 0);
    UpdatePlan plan = UpdatePlan::head_only(costs().convs().size());
    plan.convs[conv] = LayerUpdate::inputs(std::move(chosen));
    return plan;
  }

  DrawBounds bounds() const override {
    return draw_bounds(costs(), pool().convs, budget_elements_);
  }

 private:
  int64_t budget_elements_;
};

void train(const char* weights, const char* images) {
  const DatasetSplits data = open_dataset(images);
  const auto file = SafetensorsFile::open(weights);
  const models::ModelFile described = models::describe(file);
  const Network network = models::build(described.model, described.options);
  const auto device = kernels::make_cpu_backend();
  Parameters parameters(network.tape.parameters(), *device);
  models::load_weights(file, described, network, parameters);

  const CostModel costs(network.tape.convs());
  const Pool pool = resolve_pool({}, network.name, costs.conv_count());
  const int64_t budget = parse_budget("0.5%", costs);
  const OneConvInTurn method(costs, pool, budget);

  StepSettings step{.batch = 32};
  step.micro_batch = default_micro_batch(network.tape, *device, step.batch);
  StepRunner runner(network.tape, *device, parameters, {}, step, /*workers=*/2);

  LoaderOptions loading = LoaderOptions::training();
  loading.batch_size = step.batch;
  loading.transform = {static_cast<int>(described.options.image_size), Recipe::none};
  const auto kept = std::make_shared<CacheBudget>(int64_t{256} << 20);
  Loader loader(std::make_shared<DecodedCache>(data.train, kept), loading);

  constexpr int kEpochs = 3;
  const Schedule schedule{.peak_learning_rate = 0.01,
                          .total_steps = kEpochs * loader.batches_per_epoch()};
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const UpdatePlan plan = method.plan(epoch);
    runner.select(plan);
    const EpochResult result = train_epoch(runner, loader, schedule, epoch, {});
    const int conv = pool.convs[static_cast<size_t>(epoch)];
    std::printf("epoch %d: %zu channels of %s, %lld of %lld elements; loss %.3f, accuracy %.3f\n",
                epoch + 1, plan.convs[static_cast<size_t>(conv)].channels.size(),
                costs.convs()[static_cast<size_t>(conv)].name.c_str(),
                static_cast<long long>(costs.plan(plan).total()), static_cast<long long>(budget),
                result.loss, result.accuracy());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) fail("usage: method WEIGHTS IMAGES");
    train(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "method: %s\n", error.what());
    return 1;
  }
  return 0;
}
