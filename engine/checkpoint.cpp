#include "engine/checkpoint.h"

#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/safetensors_header.h"

namespace trady {

namespace {

/// Whether a parameter of this type can hold the value: neither NaN nor infinite, nor beyond
/// float32.
bool fits(double value, kernels::DType dtype) {
  const double largest = dtype == kernels::DType::float32
                             ? static_cast<double>(std::numeric_limits<float>::max())
                             : std::numeric_limits<double>::max();
  return std::abs(value) <= largest;  // false for NaN
}

/// One line for every tensor that does not fit; empty if all do.
std::string differences(const SafetensorsFile& file, const Parameters& parameters,
                        const std::set<std::string>& skip, const std::string& prefix) {
  std::ostringstream lines;
  std::set<std::string> known;
  for (const ParameterSpec& spec : parameters.specs()) {
    const std::string name = prefix + spec.name;
    known.insert(name);
    if (skip.contains(spec.name)) continue;
    if (!file.contains(name)) {
      lines << "\n  missing: " << name << " " << shape_text(spec.disk_shape);
    } else if (file.entry(name).shape != spec.disk_shape) {
      lines << "\n  misshapen: " << name << " is " << shape_text(file.entry(name).shape)
            << " in the file, the network has " << shape_text(spec.disk_shape);
    }
  }
  for (const std::string& name : file.names()) {
    if (name.starts_with(prefix) && !known.contains(name)) {
      lines << "\n  unexpected: " << quoted_tensor_name(name) << " "
            << shape_text(file.entry(name).shape);
    }
  }
  return lines.str();
}

}  // namespace

void load_parameters(const SafetensorsFile& file, Parameters& parameters,
                     const std::set<std::string>& skip, const std::string& prefix) {
  const std::string wrong = differences(file, parameters, skip, prefix);
  if (!wrong.empty()) {
    fail(file.path().string(), ": the file does not fit the network; is it of another model or ",
         "width? (`trady inspect` shows what is in it)", wrong);
  }
  for (size_t i = 0; i < parameters.specs().size(); ++i) {
    const std::string& name = parameters.specs()[i].name;
    if (skip.contains(name)) continue;
    const std::vector<double> values = file.read_doubles(prefix + name);
    for (size_t k = 0; k < values.size(); ++k) {
      if (!fits(values[k], parameters.backend().dtype())) {
        fail(file.path().string(), ": ", prefix, name, " holds ", values[k], " at place ", k,
             "; the weights are damaged or of a diverged run, use another checkpoint");
      }
    }
    parameters.set(static_cast<ParameterId>(i), values);
  }
}

void save_parameters(const std::filesystem::path& path, const std::vector<SavedParameters>& sets,
                     const std::map<std::string, std::string>& metadata) {
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<double>> doubles;
  std::vector<SafetensorsTensor> tensors;
  for (const SavedParameters& set : sets) {
    for (size_t i = 0; i < set.parameters->specs().size(); ++i) {
      const ParameterSpec& spec = set.parameters->specs()[i];
      if (set.skip.contains(spec.name)) continue;
      const auto replaced = set.replaced.find(spec.name);
      std::vector<double> values = replaced != set.replaced.end()
                                       ? replaced->second
                                       : set.parameters->get(static_cast<ParameterId>(i));
      SafetensorsTensor tensor{set.prefix + spec.name, spec.disk_shape, {}};
      if (set.parameters->backend().dtype() == kernels::DType::float32) {
        tensor.values = std::span<const float>(floats.emplace_back(values.begin(), values.end()));
      } else {
        tensor.values = std::span<const double>(doubles.emplace_back(std::move(values)));
      }
      tensors.push_back(std::move(tensor));
    }
  }
  write_safetensors(path, tensors, metadata);
}

}  // namespace trady
