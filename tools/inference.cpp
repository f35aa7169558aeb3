#include "tools/inference.h"

#include <algorithm>

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

}  // namespace trady::tools
