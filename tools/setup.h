// From options to the objects that a run is made of.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/open_dataset.h"
#include "engine/parameters.h"
#include "engine/step/step_sizing.h"
#include "kernels/backend.h"
#include "models/model_file.h"
#include "models/network.h"
#include "selection/strategy.h"
#include "tools/options.h"

namespace trady::tools {

/// Error for an unknown device, with what there is.
std::unique_ptr<kernels::Backend> make_backend(const std::string& device);

/// A network and its parameters. `classes` absent: as many as the weights file has.
struct LoadedNetwork {
  Network network;
  std::unique_ptr<Parameters> parameters;
  std::vector<std::string> class_names;  ///< of the weights file; empty after a new head
  bool new_head = false;
};

/// What --model and --weights say together; Error where they contradict each other.
models::ModelFile describe_model(ModelOptions& options);

/// Loads the weights; a classifier of another size, or `new_head`, starts anew from `seed`.
LoadedNetwork load_network(ModelOptions& options, const kernels::Backend& backend,
                           std::optional<int64_t> classes, bool new_head, uint64_t seed);
/// A network with random weights.
LoadedNetwork random_network(ModelOptions& options, const kernels::Backend& backend,
                             int64_t classes, uint64_t seed, double residual_scale);

std::unique_ptr<Strategy> make_strategy(const MethodOptions& options, const Network& network);

/// What the method's epochs need at most.
StepDemand demand_of(const Strategy& strategy);

StepRequest request_of(const ModelOptions& model, const MethodOptions& method,
                       int64_t optimizer_bytes);

DatasetSplits open_data(const DataOptions& options, uint64_t seed);

/// The learning rate that was seen to work for this method on all three networks (docs/results.md).
double default_learning_rate(const std::string& method);

}  // namespace trady::tools
