// What a checkpoint's metadata says of its network, and parameters that start without a checkpoint.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/parameters.h"
#include "engine/safetensors.h"
#include "models/network.h"

namespace trady::models {

struct ModelFile {
  std::string model;  ///< registry name; empty if the file does not say
  NetworkOptions options;
  std::vector<std::string> class_names;  ///< empty if the file does not say
};

/// Reads metadata and the shapes that tell class count and mix convolution. Throws Error on
/// metadata that contradicts itself; the tensors themselves are checked by load_parameters.
ModelFile describe(const SafetensorsFile& file);

/// The metadata that `describe` reads.
std::map<std::string, std::string> metadata_of(const Network& network,
                                               const std::vector<std::string>& class_names);

/// Of the classifier: weights normal(0, 0.01), bias 0 (method.md section 6).
void initialize_head(Parameters& parameters, uint64_t seed);

/// Every parameter: He-normal weights by fan-in, biases 0; the last convolution of each residual
/// branch scaled by `residual_scale`, which stands in for batch-norm at the start of training.
void initialize_from_scratch(const Network& network, Parameters& parameters, uint64_t seed,
                             double residual_scale);

}  // namespace trady::models
