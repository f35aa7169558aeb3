// What a checkpoint's metadata says of its network.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/safetensors.h"
#include "models/network.h"

namespace trady::models {

struct ModelFile {
  std::string model;  ///< registry name; empty if neither the file nor the caller says
  /// Whether the file has batch-norms beside the convolutions instead of folded into them. Then
  /// `options.batch_norm` is frozen, else folded.
  bool has_batch_norms = false;
  NetworkOptions options;
  std::vector<std::string> class_names;  ///< empty if the file does not say
};

/// Reads metadata and the shapes that tell class count and mix convolution. `model` stands in where
/// the file does not name its network; what neither says is that network's default. Throws Error on
/// metadata that contradicts itself; the tensors themselves are checked by load_weights.
ModelFile describe(const SafetensorsFile& file, const std::string& model = "");

/// The metadata that `describe` reads.
std::map<std::string, std::string> metadata_of(const Network& network,
                                               const std::vector<std::string>& class_names);

}  // namespace trady::models
