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
#include "selection/step_demand.h"
#include "selection/strategy.h"
#include "tools/class_mapping.h"
#include "tools/device.h"
#include "tools/options.h"

namespace trady::tools {

/// A network and its parameters. `classes` absent: as many as the weights file has.
struct LoadedNetwork {
  Network network;
  std::unique_ptr<Parameters> parameters;
  std::vector<std::string> class_names;  ///< of the weights file; empty after a new head
  bool new_head = false;
};

/// For training from scratch: without --batch-norm, a network that is made for batch-norms trains
/// them, since there is nothing to freeze yet.
void train_batch_norms_by_default(ModelOptions& options);

/// What --model and --weights say together, and what the other options change of it; `options` then
/// says the same. Error where they contradict each other.
models::ModelFile describe_model(ModelOptions& options);

/// Loads the weights; a classifier of another size than `classes`, or `new_head`, starts anew from
/// `seed`.
LoadedNetwork load_network(ModelOptions& options, const kernels::Backend& backend,
                           std::optional<int64_t> classes, bool new_head, uint64_t seed);
/// Loads the weights for training on `data`: keeps the classifier or not, as `decide_head` says,
/// prints its note, gives the data the labels of a kept one, and puts batch-norms back where that
/// is asked for.
LoadedNetwork load_network_for(DatasetSplits& data, const DataOptions& data_options,
                               ModelOptions& options, const kernels::Backend& backend,
                               HeadChoice head, uint64_t seed);
/// A network with random weights.
LoadedNetwork random_network(ModelOptions& options, const kernels::Backend& backend,
                             int64_t classes, uint64_t seed, double residual_scale);

std::unique_ptr<Strategy> make_strategy(const MethodOptions& options, const Network& network);

/// What SGD keeps beside the weights. Error for momentum or weight decay, which need whole layers,
/// with a method that selects channels.
int64_t optimizer_bytes(double momentum, double weight_decay, const Strategy& strategy,
                        const Parameters& parameters);

StepRequest request_of(const ModelOptions& model, const MethodOptions& method,
                       int64_t optimizer_bytes);

/// The device for a model that has been described. Trained batch-norms take a whole batch from
/// layer to layer: there the CPU's threads share every layer, elsewhere each takes images of its
/// own.
std::unique_ptr<kernels::Backend> make_training_backend(const ModelOptions& described);

DatasetSplits open_data(const DataOptions& options, uint64_t seed);

/// The peak learning rate unless the user gives one. `model` after describe_model.
double default_learning_rate(const ModelOptions& model, const std::string& method);

}  // namespace trady::tools
