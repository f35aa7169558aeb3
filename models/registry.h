// Networks by name.
#pragma once

#include <string>
#include <vector>

#include "models/network.h"

namespace trady::models {

std::vector<std::string> names();

/// Throws Error for an unknown name (with a suggestion), and for options that the network does not
/// have.
Network build(const std::string& name, const NetworkOptions& options);

}  // namespace trady::models
