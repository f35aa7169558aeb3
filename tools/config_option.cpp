#include "tools/config_option.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "selection/strategy.h"
#include "tools/config_file.h"
#include "tools/json_output.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

constexpr const char* kConfig = "config";
constexpr const char* kResume = "resume";

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// They say where to and how to show it, not what is computed.
bool belongs_on_command_line(const std::string& name) {
  static constexpr std::array<std::string_view, 5> kNames{"help", kConfig, "out", kResume,
                                                          "progress"};
  return is_one_of(kNames, name);
}

/// The same run with another value, on the same images and weights elsewhere on the disk.
bool decides_no_bit(const std::string& name) {
  static constexpr std::array<std::string_view, 4> kNames{"data", "weights", "threads", "cache"};
  return belongs_on_command_line(name) || is_one_of(kNames, name);
}

std::string name_of(const CLI::Option& option) {
  return option.get_lnames().empty() ? std::string() : option.get_lnames().front();
}

bool is_flag(const CLI::Option& option) {
  return option.get_expected_max() == 0;
}

ConfigKey key_of(const CLI::Option& option) {
  ConfigKey key{name_of(option)};
  static constexpr std::array<std::string_view, 2> kCounts{"budget", "pool"};
  const std::string type = option.get_type_name();
  if (is_flag(option)) {
    key.flag_value = option.get_flag_value(key.name, "");
    key.kind = key.flag_value == "true" ? ConfigKind::flag : ConfigKind::flag_or_whole;
  } else if (option.get_expected_max() > 1) {
    key.kind = ConfigKind::wholes;
  } else if (type.starts_with("INT") || type.starts_with("UINT")) {
    key.kind = ConfigKind::whole;
  } else if (type.starts_with("FLOAT")) {
    key.kind = ConfigKind::number;
  } else if (is_one_of(kCounts, key.name)) {
    key.kind = ConfigKind::text_or_whole;
  }
  return key;
}

std::vector<ConfigKey> keys_of(const CLI::App& command) {
  std::vector<ConfigKey> keys;
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = name_of(*option);
    if (!name.empty() && !belongs_on_command_line(name)) keys.push_back(key_of(*option));
  }
  return keys;
}

/// Options that the method would refuse.
std::set<std::string> options_of_other_methods(const std::string& method) {
  const StrategyInfo info = strategy_info(method);
  std::set<std::string> names;
  if (!info.budgeted) names.insert("budget");
  if (!info.takes_scheme) names.insert("scheme");
  if (!info.uses_pool) names.insert("pool");
  if (!info.needs_last_k) names.insert("last");
  return names;
}

/// Options of the command line, and those that have no place beside one of them.
std::set<std::string> overridden(const CLI::App& command) {
  std::set<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    names.insert(name_of(*option));
    for (const CLI::Option* other : option->get_excludes()) names.insert(name_of(*other));
  }
  if (names.contains("scheme")) names.insert("budget");
  if (names.contains("budget")) names.insert("scheme");
  if (names.contains("method")) {
    names.merge(options_of_other_methods(command.get_option("--method")->results().back()));
  }
  return names;
}

void apply_config(CLI::App& command, const std::string& file) {
  const Config config = read_config(file, keys_of(command));
  std::set<std::string> taken = overridden(command);
  const bool repeats = std::ranges::all_of(taken, decides_no_bit);
  const auto apply = [&](const ConfigOption& from_file) {
    if (!taken.insert(from_file.name).second) return;
    CLI::Option* option = command.get_option("--" + from_file.name);
    try {
      option->add_result(from_file.values);
      option->run_callback();
    } catch (const CLI::ParseError& error) {
      fail(file, ": ", error.what());
    }
  };
  for (const ConfigOption& option : config.given) apply(option);
  // Another run has choices of its own: another method its learning rate, another batch its size.
  if (!repeats) return;
  for (const ConfigOption& option : config.chosen) apply(option);
}

std::vector<std::string> words_of(const CLI::Option& option) {
  const std::string name = "--" + name_of(option);
  const std::vector<std::string>& values = option.results();
  if (is_flag(option)) {
    const bool bare = values.back() == option.get_flag_value(name_of(option), "");
    return {bare ? name : name + "=" + values.back()};
  }
  std::string joined;
  for (const std::string& value : values) joined += (joined.empty() ? "" : ",") + value;
  // A value that begins with a hyphen would be read as an option.
  if (joined.starts_with("-")) return {shell_word(name + "=" + joined)};
  return {name, shell_word(joined)};
}

}  // namespace

void add_config_option(CLI::App& command) {
  command.add_option_function<std::string>(
      std::string("--") + kConfig,
      [&command](const std::string& file) { apply_config(command, file); },
      "options as JSON, or the run.json of a run to repeat; options on the command line override "
      "it");
}

nlohmann::json given_options(const CLI::App& command) {
  nlohmann::json given = nlohmann::json::object();
  for (const ConfigKey& key : keys_of(command)) {
    const CLI::Option* option = command.get_option("--" + key.name);
    if (option->count() == 0) continue;
    std::vector<std::string> values = option->results();
    if (key.kind == ConfigKind::flag && !option->as<bool>()) continue;
    if (key.kind == ConfigKind::flag) values = {key.flag_value};  // not as "on" or "1"
    if (!values.back().empty()) given[key.name] = config_value(key, values);
  }
  return with_valid_text(given);
}

std::string resume_line(const CLI::App& command) {
  std::string line = "trady " + command.get_name();
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = name_of(*option);
    if (option->count() == 0 || name == kConfig || name == kResume) continue;
    for (const std::string& word : words_of(*option)) line += " " + word;
  }
  return line + " --" + kResume;
}

}  // namespace trady::tools
