#include "models/weights.h"

#include <optional>

#include "engine/batch_norm.h"
#include "engine/checkpoint.h"
#include "engine/error.h"
#include "models/registry.h"

namespace trady::models {

namespace {

std::set<std::string> derived_parameters(const Parameters& parameters) {
  std::set<std::string> names;
  for (const ParameterSpec& spec : parameters.specs()) {
    if (spec.is_derived) names.insert(spec.name);
  }
  return names;
}

/// Loads the network with its batch-norms frozen, which merges them, and takes over what comes of
/// it.
void fold(const SafetensorsFile& file, const Network& folded, Parameters& parameters,
          const std::set<std::string>& skip) {
  NetworkOptions options = folded.options;
  options.batch_norm = BatchNormMode::frozen;
  const Network frozen = build(folded.name, options);
  Parameters merged(frozen.tape.parameters(), parameters.backend());
  std::set<std::string> left_out = derived_parameters(merged);
  left_out.insert(skip.begin(), skip.end());
  load_parameters(file, merged, left_out);
  merge_batch_norms(frozen.tape, merged);

  const auto take_over = [&](const std::string& from, const std::string& to) {
    if (!skip.contains(to)) parameters.set(parameters.find(to), merged.get(merged.find(from)));
  };
  for (const BatchNormLayer& layer : frozen.tape.batch_norms()) {
    const std::string& weight = merged.specs()[static_cast<size_t>(layer.weight)].name;
    const std::string conv = weight.substr(0, weight.rfind('.'));
    take_over(weight, weight);
    take_over(merged.specs()[static_cast<size_t>(layer.merged_bias)].name, conv + ".bias");
  }
  for (const std::string& name : head_parameters(folded)) take_over(name, name);
}

/// What the file held of a tensor; nothing where it has none of that size.
std::vector<double> values_before(const std::optional<SafetensorsFile>& source,
                                  const ParameterSpec& spec) {
  if (!source || !source->contains(spec.name)) return {};
  if (source->entry(spec.name).shape != spec.disk_shape) return {};
  return source->read_doubles(spec.name);
}

}  // namespace

void load_weights(const SafetensorsFile& file, const ModelFile& described, const Network& network,
                  Parameters& parameters, const std::set<std::string>& skip) {
  const BatchNormMode mode = network.tape.batch_norm_mode();
  if (!described.has_batch_norms && mode != BatchNormMode::folded) {
    fail(file.path().string(), ": its batch-norms are folded into the weights; put them back with ",
         "--calibrate-bn, or leave --batch-norm out");
  }
  if (described.has_batch_norms && mode == BatchNormMode::folded) {
    fold(file, network, parameters, skip);
    return;
  }
  std::set<std::string> left_out = derived_parameters(parameters);
  left_out.insert(skip.begin(), skip.end());
  load_parameters(file, parameters, left_out);
  merge_batch_norms(network.tape, parameters);
}

void save_weights(const std::filesystem::path& path, const Network& network,
                  const Parameters& parameters, const std::vector<std::string>& class_names,
                  const std::filesystem::path& source) {
  SavedParameters saved{&parameters, "", derived_parameters(parameters)};
  if (network.tape.batch_norm_mode() == BatchNormMode::frozen) {
    std::optional<SafetensorsFile> before;
    if (!source.empty()) before.emplace(SafetensorsFile::open(source));
    for (const BatchNormLayer& layer : network.tape.batch_norms()) {
      const ParameterSpec& spec = parameters.specs()[static_cast<size_t>(layer.weight)];
      saved.replaced[spec.name] = plain_weight(layer, parameters, values_before(before, spec));
    }
  }
  save_parameters(path, {saved}, metadata_of(network, class_names));
}

}  // namespace trady::models
