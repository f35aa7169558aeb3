// --weights, as users name them: a file, or the folder of a run.
#pragma once

#include <string>

#include "engine/safetensors.h"

namespace trady::tools {

/// `path`, or where it is a folder the weights that a finished run left there. Error if it left
/// none.
std::string weights_file(const std::string& path);

/// Opened as weights: error also on the checkpoint of a run.
SafetensorsFile open_weights(const std::string& path);

}  // namespace trady::tools
