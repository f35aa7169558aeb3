// Networks converted from published checkpoints, on the 10,000 test images of CIFAR-10: as accurate
// as PyTorch finds them.
#include <catch2/catch.hpp>

#include "engine/memory/arena.h"
#include "engine/trainer.h"
#include "tests/real_data.h"
#include "tools/inference.h"
#include "tools/input_pipeline.h"

namespace trady::tools {
namespace {

double accuracy_percent(const std::filesystem::path& weights, const std::filesystem::path& images) {
  ModelOptions model;
  model.weights = weights.string();
  DataOptions data;
  data.data = images.string();
  data.recipe = "none";
  StepSettings steps;
  steps.batch = 100;
  Inference inference = open_inference(model, steps);
  InputPipeline input(model, data, inference.loaded.network.options.image_size,
                      inference.runner->settings(), 0);
  const auto loader = input.testing(open_data(data, 0).test, "test set");
  const EvaluationResult result = evaluate_all(*inference.runner, *loader, nullptr);
  CHECK(result.count == 10000);
  return 100 * static_cast<double>(result.correct) / static_cast<double>(result.count);
}

}  // namespace

TEST_CASE("CIFAR ResNets from published weights are as accurate as in PyTorch") {
  if (arena_checks_enabled()) return;  // nothing else than in the plain build, for minutes
  const auto images = testing::real_data("cifar-10-batches-bin");
  const auto resnet20 = testing::real_data("weights/resnet20-cifar10.safetensors");
  const auto resnet56 = testing::real_data("weights/resnet56-cifar10.safetensors");
  if (images.empty() || resnet20.empty() || resnet56.empty()) return;
  CHECK(accuracy_percent(resnet20, images) == Approx(91.73).margin(0.05));
  CHECK(accuracy_percent(resnet56, images) == Approx(93.39).margin(0.05));
}

}  // namespace trady::tools
