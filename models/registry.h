// Networks by name.
#pragma once

#include <string>
#include <vector>

#include "models/network.h"

namespace trady::models {

std::vector<std::string> names();

/// What a network is built with where neither a file nor the user says otherwise: the image size,
/// normalization and kind of batch-norm that it was made for. Throws Error for an unknown name
/// (with a suggestion).
NetworkOptions default_options(const std::string& name);

/// Throws Error for an unknown name, and for options that the network does not have.
Network build(const std::string& name, const NetworkOptions& options);

}  // namespace trady::models
