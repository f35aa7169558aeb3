// Weight files to parameters and back, whatever becomes of a network's batch-norms.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "engine/parameters.h"
#include "models/model_file.h"

namespace trady::models {

/// Fills the parameters of `network` from a file that `described` tells of. Batch-norms of the file
/// are merged in memory where the network's are frozen, and for good where they are folded. The
/// parameters in `skip` are left as they are. Throws Error on tensors that do not fit, as
/// load_parameters does, and where a network with batch-norms is to be had from a file without.
void load_weights(const SafetensorsFile& file, const ModelFile& described, const Network& network,
                  Parameters& parameters, const std::set<std::string>& skip = {});

/// Writes the parameters with the names, layouts and meaning of the source framework: plain weights
/// beside the batch-norms that are merged in memory. `source`, if any, is the file that they were
/// loaded from: what training did not touch of merged weights is written as it stands there. It is
/// opened only where weights are merged.
void save_weights(const std::filesystem::path& path, const Network& network,
                  const Parameters& parameters, const std::vector<std::string>& class_names,
                  const std::filesystem::path& source = {});

}  // namespace trady::models
