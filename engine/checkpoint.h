// Parameters to and from safetensors files.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/parameters.h"
#include "engine/safetensors.h"

namespace trady {

/// Fills every parameter from the tensor `prefix` + its name, except those in `skip`. Throws Error
/// that lists every missing, unexpected and misshapen tensor, or names the first tensor with a
/// value that is not finite in the parameters' dtype. Tensors whose names do not begin with
/// `prefix` are not looked at.
void load_parameters(const SafetensorsFile& file, Parameters& parameters,
                     const std::set<std::string>& skip = {}, const std::string& prefix = "");

/// A set of parameters on its way to a file.
struct SavedParameters {
  const Parameters* parameters = nullptr;
  std::string prefix;
  std::set<std::string> skip = {};                           ///< are not written
  std::map<std::string, std::vector<double>> replaced = {};  ///< values other than in memory
};

/// Writes atomically, float32 (float64 for float64 parameters), in the layout of the source
/// framework (OIHW). Same values and metadata, same bytes.
void save_parameters(const std::filesystem::path& path, const std::vector<SavedParameters>& sets,
                     const std::map<std::string, std::string>& metadata);

}  // namespace trady
