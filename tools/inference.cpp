#include "tools/inference.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace trady::tools {

void require_arithmetic(const kernels::Backend& backend) {
  if (backend.name() == "null") {
    fail("--device null computes shapes and bytes only; use --device cpu, or `trady plan`");
  }
}

Inference open_inference(ModelOptions& options, const StepSettings& wanted) {
  Inference inference;
  inference.backend = make_backend(options.device, options.precision);
  require_arithmetic(*inference.backend);
  inference.loaded = load_network(options, *inference.backend, /*classes=*/std::nullopt,
                                  /*new_head=*/false, /*seed=*/0);
  const Tape& tape = inference.loaded.network.tape;
  StepSettings settings = wanted;
  settings.micro_batch = default_micro_batch(tape, *inference.backend, settings.batch);
  settings.training = false;
  settings.batches_in_flight = 2;  // on a device beside the host; others take one at a time
  const auto workers = static_cast<int>(
      std::min<int64_t>(thread_count(options), settings.batch / settings.micro_batch));
  inference.runner =
      std::make_unique<StepRunner>(tape, *inference.backend, *inference.loaded.parameters,
                                   OptimizerSettings{}, settings, workers);
  inference.runner->select(UpdatePlan::head_only(tape.convs().size()));
  return inference;
}

std::vector<double> softmax(std::span<const double> logits) {
  if (!std::ranges::all_of(logits, [](double logit) { return std::isfinite(logit); })) {
    fail("the network's output is not finite; are these weights of a run that diverged?");
  }
  const double largest = *std::ranges::max_element(logits);
  std::vector<double> shares;
  shares.reserve(logits.size());
  double sum = 0;
  for (const double logit : logits) sum += shares.emplace_back(std::exp(logit - largest));
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace trady::tools
