// A network that only looks: what evaluation and prediction share.
#pragma once

#include <memory>

#include "engine/step/step_runner.h"
#include "tools/setup.h"

namespace trady::tools {

/// Error for the device that plans alone.
void require_arithmetic(const kernels::Backend& backend);

struct Inference {
  std::unique_ptr<kernels::Backend> backend;
  LoadedNetwork loaded;
  std::unique_ptr<StepRunner> runner;
};

/// Loads the network of `options.weights` and plans forward passes of up to `batch` images, whose
/// `logits` may be wanted.
Inference open_inference(ModelOptions& options, int64_t batch, bool logits);

}  // namespace trady::tools
