#include "models/model_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "engine/error.h"
#include "engine/limits.h"
#include "engine/suggest.h"
#include "models/registry.h"

namespace trady::models {

namespace {

std::optional<std::string> value_of(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return std::nullopt;
  return found->second;
}

/// One number; blanks around it are allowed, anything else is not. NaN where there is none.
double parse_number(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && stop == text.data() + text.size();
  return whole ? value : std::numeric_limits<double>::quiet_NaN();
}

std::array<double, 3> parse_triple(const SafetensorsFile& file, const std::string& key,
                                   const std::string& text) {
  std::array<double, 3> values{};
  std::string_view left = text;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool last = i + 1 == values.size();
    const size_t comma = last ? left.size() : std::min(left.find(','), left.size());
    values[i] = parse_number(left.substr(0, comma));
    if (!std::isfinite(values[i]) || (key == "std" && values[i] <= 0)) {
      fail(file.path().string(), ": metadata '", key, "' is '", text,
           "', expected three numbers like 0.5,0.5,0.5", key == "std" ? ", above 0" : "");
    }
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
  return values;
}

/// The shortest text that reads back as the same number.
std::string exact_text(double value) {
  std::array<char, 32> buffer{};
  const auto [stop, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), stop};
}

double parse_positive(const SafetensorsFile& file, const std::string& key,
                      const std::string& text) {
  const double value = parse_number(text);
  if (!(value > 0) || !std::isfinite(value)) {
    fail(file.path().string(), ": metadata '", key, "' is '", text, "', expected a number above 0");
  }
  return value;
}

bool parse_batch_norm(const SafetensorsFile& file) {
  const auto text = value_of(file, "batch_norm");
  if (!text) {
    return std::ranges::any_of(
        file.names(), [](const std::string& name) { return name.ends_with(".running_mean"); });
  }
  if (*text != "folded" && *text != "separate") {
    fail(file.path().string(), ": metadata 'batch_norm' is '", *text,
         "', expected folded or separate");
  }
  return *text == "separate";
}

/// Weight of the classifier: that of the network, or of any where it is not known.
std::string head_weight(const SafetensorsFile& file, const std::string& model) {
  std::set<std::string> candidates;
  for (const std::string& name : model.empty() ? names() : std::vector<std::string>{model}) {
    candidates.insert(build(name, default_options(name)).tape.head() + ".weight");
  }
  for (const std::string& name : candidates) {
    if (file.contains(name)) return name;
  }
  fail(file.path().string(), ": there is no tensor '", join({candidates.begin(), candidates.end()}),
       "'; convert the checkpoint with ", kConverter);
}

int64_t parse_image_size(const SafetensorsFile& file, const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 4 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  const int64_t size = digits ? std::stoll(text) : 0;
  if (size < 1 || size > kMaxImageSize) {
    fail(file.path().string(), ": metadata 'image_size' is '", text, "', expected 1 to ",
         kMaxImageSize);
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

}  // namespace

ModelFile describe(const SafetensorsFile& file, const std::string& model) {
  ModelFile result;
  result.model = value_of(file, "model").value_or("");
  const std::vector<std::string> known = names();
  if (!result.model.empty() && std::ranges::find(known, result.model) == known.end()) {
    fail(file.path().string(), ": there is no network '", result.model, "'",
         suggestion(result.model, known), "; there are ", join(known));
  }
  if (result.model.empty()) result.model = model;
  if (!result.model.empty()) result.options = default_options(result.model);
  if (const auto format = value_of(file, "format_version"); format && *format != "1") {
    fail(file.path().string(), ": format version ", *format,
         " is unknown to this version, which reads 1; use a newer trady");
  }
  result.has_batch_norms = parse_batch_norm(file);
  result.options.batch_norm =
      result.has_batch_norms ? BatchNormMode::frozen : BatchNormMode::folded;
  if (const auto text = value_of(file, "batch_norm_epsilon")) {
    result.options.batch_norm_epsilon = parse_positive(file, "batch_norm_epsilon", *text);
  }
  if (const auto text = value_of(file, "width")) {
    result.options.width = parse_positive(file, "width", *text);
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
  const std::string head = head_weight(file, result.model);
  const auto& shape = file.entry(head).shape;
  if (shape.size() != 2) {
    fail(file.path().string(), ": ", head, " has ", shape.size(),
         " dimensions, expected 2: [classes, features]");
  }
  result.options.classes = shape[0];
  if (!result.class_names.empty() &&
      static_cast<int64_t>(result.class_names.size()) != result.options.classes) {
    fail(file.path().string(), ": ", result.class_names.size(), " class names, but ", head, " has ",
         result.options.classes, " classes");
  }
  return result;
}

std::map<std::string, std::string> metadata_of(const Network& network,
                                               const std::vector<std::string>& class_names) {
  const auto triple = [](const std::array<double, 3>& v) {
    return exact_text(v[0]) + "," + exact_text(v[1]) + "," + exact_text(v[2]);
  };
  std::map<std::string, std::string> metadata{
      {"format", "trady"},
      {"format_version", "1"},
      {"model", network.name},
      {"batch_norm", network.tape.batch_norms().empty() ? "folded" : "separate"},
      {"mean", triple(network.options.normalization.mean)},
      {"std", triple(network.options.normalization.std)},
      {"image_size", concat(network.options.image_size)},
      {"class_names", nlohmann::json(class_names).dump()},
  };
  const NetworkOptions& options = network.options;
  if (options.batch_norm_epsilon) {
    metadata["batch_norm_epsilon"] = exact_text(*options.batch_norm_epsilon);
  }
  if (options.width != 1) metadata["width"] = exact_text(options.width);
  return metadata;
}

}  // namespace trady::models
