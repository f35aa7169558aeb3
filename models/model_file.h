// What a checkpoint's metadata says of its network.
#pragma once

#include <map>
#include <string>
#include <vector>

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

}  // namespace trady::models
