#include "tools/config_file.h"

#include <algorithm>
#include <cmath>

#include "engine/data/input_file.h"
#include "engine/error.h"
#include "engine/strict_json.h"
#include "engine/suggest.h"
#include "tools/json_output.h"
#include "tools/run_record.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

using nlohmann::json;

constexpr size_t kShown = 60;
constexpr const char* kExpected =
    "expected a run.json, or one JSON object of options, as {\"method\": \"trady\", \"epochs\": 5}";

const char* words(ConfigKind kind) {
  switch (kind) {
    case ConfigKind::text:
      return "a text that is not empty and holds no zero byte";
    case ConfigKind::text_or_whole:
      return "a text that is not empty and holds no zero byte, or a whole number below 2^64";
    case ConfigKind::whole:
      return "a whole number below 2^64";
    case ConfigKind::number:
      return "a number";
    case ConfigKind::flag:
      return "true or false";
    case ConfigKind::flag_or_whole:
      return "true, false or a whole number below 2^64";
    case ConfigKind::wholes:
      return "a list of whole numbers that is not empty";
  }
  fail("[config] a kind of value that has no name; this is a bug");
}

/// The system would take a zero byte for the end of a path.
bool is_text(const json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return !text.empty() && text.find('\0') == std::string::npos;
}

bool are_wholes(const json& value) {
  return value.is_array() && !value.empty() &&
         std::ranges::all_of(value, [](const json& item) { return item.is_number_integer(); });
}

bool holds(ConfigKind kind, const json& value) {
  switch (kind) {
    case ConfigKind::text:
      return is_text(value);
    case ConfigKind::text_or_whole:
      return is_text(value) || value.is_number_integer();
    case ConfigKind::whole:
      return value.is_number_integer();
    case ConfigKind::number:
      return value.is_number() && std::isfinite(value.get<double>());
    case ConfigKind::flag:
      return value.is_boolean();
    case ConfigKind::flag_or_whole:
      return value.is_boolean() || value.is_number_integer();
    case ConfigKind::wholes:
      return are_wholes(value);
  }
  return false;
}

std::vector<std::string> values_of(const ConfigKey& key, const json& value) {
  if (value.is_boolean()) return {key.flag_value};
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) return {value.dump()};
  std::vector<std::string> values;
  values.reserve(value.size());
  for (const json& item : value) values.push_back(item.dump());
  return values;
}

/// Options of an object whose keys are their names.
std::vector<ConfigOption> options_of(const json& object, const std::string& origin,
                                     const std::vector<ConfigKey>& keys) {
  std::vector<ConfigOption> options;
  for (const auto& [name, value] : object.items()) {
    const auto key = std::ranges::find(keys, name, &ConfigKey::name);
    if (key == keys.end()) {
      std::vector<std::string> known;
      known.reserve(keys.size());
      for (const ConfigKey& one : keys) known.push_back(one.name);
      fail(origin, ": \"", shortened(name, kShown), "\" is no option that a file may hold",
           suggestion(name, known), "; there are ", join(known));
    }
    if (!holds(key->kind, value)) {
      fail(origin, ": \"", name, "\" is ", shortened(json_text(value), kShown), ", expected ",
           words(key->kind));
    }
    if (value != false) options.push_back({name, values_of(*key, value)});
  }
  return options;
}

/// Records from before they held options as they were given: what the settings say, without what
/// stands for an option that was not given.
json options_in_settings(const json& record) {
  json options = json::object();
  const auto take = [&](const json& object, const std::string& field, std::string name) {
    const json value = object.value(field, json());
    const bool given = value.is_string() ? is_text(value) : !value.empty() && value != false;
    std::ranges::replace(name, '_', '-');
    if (given) options[name] = value;
  };
  for (const auto& [field, value] : record.at("settings").items()) {
    take(record.at("settings"), field, field == "learning_rate" ? "lr" : field);
  }
  if (options.value("calibrate-bn", json()) == 0) options.erase("calibrate-bn");
  take(record.at("environment"), "memory_limit", "memory_limit");
  take(record.at("environment"), "cache", "cache");
  return options;
}

Config config_of_record(const json& record, const std::string& origin,
                        const std::vector<ConfigKey>& keys) {
  const bool has_options = record.contains("options");
  json chosen{{"micro-batch", record.at("environment").at("micro_batch")}};
  if (const json& rate = record.at("settings").at("learning_rate"); !rate.is_null()) {
    chosen["lr"] = rate;
  }
  const std::string place = origin + (has_options ? ", options" : ", settings");
  return {options_of(has_options ? record.at("options") : options_in_settings(record), place, keys),
          options_of(chosen, origin, keys)};
}

}  // namespace

Config parse_config(const std::string& text, const std::string& origin,
                    const std::vector<ConfigKey>& keys) {
  constexpr int kDeepest = 64;
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    fail(origin, ": is empty; ", kExpected);
  }
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    fail(origin, ": is UTF-16; save it as UTF-8");
  }
  const json parsed = parse_strict_json<json>(text, origin + ":", kDeepest);
  if (!parsed.is_object()) fail(origin, ": is JSON, but no object; ", kExpected);
  if (!parsed.contains("format")) return {options_of(parsed, origin, keys), {}};
  if (const json& format = parsed.at("format"); format != "trady run") {
    fail(origin, ": \"format\" is ", shortened(json_text(format), kShown),
         ", but of a run.json it is \"trady run\"; ", kExpected);
  }
  const RecordOrigin record{origin,
                            concat("bring back the run's run.json; without one, ", kExpected)};
  return config_of_record(RunRecord::parse(text, record).json(), origin, keys);
}

Config read_config(const std::filesystem::path& path, const std::vector<ConfigKey>& keys) {
  constexpr int64_t kLargest = int64_t{256} << 20;  // as a record may have
  std::vector<uint8_t> bytes;
  try {
    bytes = read_whole_file(path, kLargest);
  } catch (const Error& unreadable) {
    fail("--config: ", path.empty() ? "its file has no name" : unreadable.what(), "; ", kExpected);
  }
  return parse_config(std::string(bytes.begin(), bytes.end()), path.string(), keys);
}

json config_value(const ConfigKey& key, const std::vector<std::string>& values) {
  const std::string& last = values.back();
  const auto number = [](const std::string& text) {
    const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
    return parsed.is_number() ? parsed : json(std::stod(text));  // as .5, which is not JSON
  };
  switch (key.kind) {
    case ConfigKind::text:
    case ConfigKind::text_or_whole:
      return last;
    case ConfigKind::whole:
    case ConfigKind::number:
      return number(last);
    case ConfigKind::flag:
      return last == key.flag_value;
    case ConfigKind::flag_or_whole:
      return number(last);
    case ConfigKind::wholes:
      break;
  }
  json list = json::array();
  for (const std::string& value : values) list.push_back(number(value));
  return list;
}

}  // namespace trady::tools
