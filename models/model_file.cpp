#include "models/model_file.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/random.h"

namespace trady::models {

namespace {

constexpr const char* kHeadWeight = "classifier.weight";
constexpr const char* kHeadBias = "classifier.bias";

std::optional<std::string> value_of(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return std::nullopt;
  return found->second;
}

std::array<double, 3> parse_triple(const SafetensorsFile& file, const std::string& key,
                                   const std::string& text) {
  std::array<double, 3> values{};
  std::istringstream in(text);
  char comma = ',';
  for (size_t i = 0; i < 3; ++i) {
    if (i > 0) in >> comma;
    in >> values[i];
    if (!in || comma != ',' || !std::isfinite(values[i]) || (key == "std" && values[i] <= 0)) {
      fail(file.path().string(), ": metadata '", key, "' is '", text,
           "', expected three numbers like 0.5,0.5,0.5");
    }
  }
  return values;
}

int64_t parse_image_size(const SafetensorsFile& file, const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 4 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  const int64_t size = digits ? std::stoll(text) : 0;
  if (size < 1) {
    fail(file.path().string(), ": metadata 'image_size' is '", text, "', expected 1 to 9999");
  }
  return size;
}

std::vector<std::string> parse_class_names(const SafetensorsFile& file, const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  if (json.is_array()) {
    for (const auto& name : json) {
      if (name.is_string()) names.push_back(name.get<std::string>());
    }
  }
  if (!json.is_array() || names.size() != json.size()) {
    fail(file.path().string(), ": metadata 'class_names' is not a JSON list of strings");
  }
  return names;
}

void fill_normal(Parameters& parameters, ParameterId id, uint64_t seed, double deviation) {
  RandomStream random(seed, RandomPurpose::initialization, 0, static_cast<uint32_t>(id));
  std::vector<double> values(static_cast<size_t>(parameters.specs()[id].elements));
  for (double& value : values) value = deviation * random.normal();
  parameters.set(id, values);
}

void fill_zero(Parameters& parameters, ParameterId id) {
  parameters.set(id, std::vector<double>(static_cast<size_t>(parameters.specs()[id].elements), 0));
}

}  // namespace

ModelFile describe(const SafetensorsFile& file) {
  ModelFile result;
  result.model = value_of(file, "model").value_or("");
  if (const auto format = value_of(file, "format_version"); format && *format != "1") {
    fail(file.path().string(), ": format version ", *format,
         " is unknown to this version, which reads 1; use a newer trady");
  }
  if (const auto norm = value_of(file, "batch_norm"); norm && *norm != "folded") {
    fail(file.path().string(), ": batch_norm is '", *norm,
         "', but only folded networks can be read");
  }
  if (const auto text = value_of(file, "mean")) {
    result.options.normalization.mean = parse_triple(file, "mean", *text);
  }
  if (const auto text = value_of(file, "std")) {
    result.options.normalization.std = parse_triple(file, "std", *text);
  }
  if (const auto text = value_of(file, "image_size")) {
    result.options.image_size = parse_image_size(file, *text);
  }
  if (const auto text = value_of(file, "class_names")) {
    result.class_names = parse_class_names(file, *text);
  }
  result.options.mix = file.contains("mix.weight");
  if (!file.contains(kHeadWeight)) {
    fail(file.path().string(), ": there is no tensor '", kHeadWeight,
         "'; convert the checkpoint with tools/convert_checkpoint.py");
  }
  const auto& shape = file.entry(kHeadWeight).shape;
  if (shape.size() != 2) {
    fail(file.path().string(), ": ", kHeadWeight, " has ", shape.size(),
         " dimensions, expected 2: [classes, features]");
  }
  result.options.classes = shape[0];
  if (!result.class_names.empty() &&
      static_cast<int64_t>(result.class_names.size()) != result.options.classes) {
    fail(file.path().string(), ": ", result.class_names.size(), " class names, but ", kHeadWeight,
         " has ", result.options.classes, " classes");
  }
  return result;
}

std::map<std::string, std::string> metadata_of(const Network& network,
                                               const std::vector<std::string>& class_names) {
  const auto triple = [](const std::array<double, 3>& v) {
    return concat(v[0], ",", v[1], ",", v[2]);
  };
  return {
      {"format", "trady"},
      {"format_version", "1"},
      {"model", network.name},
      {"batch_norm", "folded"},
      {"mean", triple(network.options.normalization.mean)},
      {"std", triple(network.options.normalization.std)},
      {"image_size", concat(network.options.image_size)},
      {"class_names", nlohmann::json(class_names).dump()},
  };
}

void initialize_head(Parameters& parameters, uint64_t seed) {
  constexpr double kDeviation = 0.01;
  fill_normal(parameters, parameters.find(kHeadWeight), seed, kDeviation);
  fill_zero(parameters, parameters.find(kHeadBias));
}

void initialize_from_scratch(const Network& network, Parameters& parameters, uint64_t seed,
                             double residual_scale) {
  for (size_t i = 0; i < network.tape.parameters().size(); ++i) {
    if (!network.tape.parameters()[i].is_conv_weight) {
      fill_zero(parameters, static_cast<ParameterId>(i));
    }
  }
  for (const ConvLayer& conv : network.tape.convs()) {
    const bool has_relu = !conv.name.ends_with(".project");
    const int64_t fan_in = conv.shape.taps() * (conv.shape.depthwise ? 1 : conv.shape.in_c);
    const double he = std::sqrt((has_relu ? 2.0 : 1.0) / static_cast<double>(fan_in));
    fill_normal(parameters, parameters.find(conv.name + ".weight"), seed,
                conv.adds_residual ? he * residual_scale : he);
  }
  initialize_head(parameters, seed);
}

}  // namespace trady::models
