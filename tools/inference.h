// A network that only looks: what evaluation and prediction share.
#pragma once

#include <memory>
#include <span>
#include <vector>

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

/// Loads the network of `options.weights` and plans forward passes as `wanted` says: batch, logits,
/// and decoded images where the device transforms them; the rest follows.
Inference open_inference(ModelOptions& options, const StepSettings& wanted);

/// Probabilities of the classes, of one image's logits. Error if a logit is not finite.
std::vector<double> softmax(std::span<const double> logits);

}  // namespace trady::tools
