// Which trady this is: version and the libraries that results may depend on.
#pragma once

#include <string>

namespace trady::tools {

/// "0.1.0".
std::string version();
/// Compiler, build type and linked libraries, for run records.
std::string build_description();

}  // namespace trady::tools
