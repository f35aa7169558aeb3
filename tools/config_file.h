// The file of `trady finetune --config`: options by name as JSON, or the record of a run
// (docs/file-formats.md).
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace trady::tools {

/// What the value of an option looks like in JSON.
enum class ConfigKind {
  text,
  text_or_whole,  ///< a text that may be nothing but a whole number: elements, convs
  whole,
  number,
  flag,
  flag_or_whole,  ///< a flag that takes a number: true stands for the one that it has without
  wholes,         ///< a list
};

/// An option that a file may hold, by its name on the command line without the hyphens.
struct ConfigKey {
  std::string name;
  ConfigKind kind = ConfigKind::text;
  std::string flag_value = "true";  ///< of flags: what the bare flag stands for
};

/// An option that a file holds, in the words of the command line.
struct ConfigOption {
  std::string name;
  std::vector<std::string> values;
  bool operator==(const ConfigOption&) const = default;
};

struct Config {
  std::vector<ConfigOption> given;
  /// Of the record of a run: what the program chose, for a run that is the same in all else.
  std::vector<ConfigOption> chosen;
};

/// Error that names `origin`, the key and the remedy: on text that is not JSON, keys that occur
/// twice or are not in `keys`, values of another kind, and records that are damaged. Values are not
/// looked at any closer.
Config parse_config(const std::string& text, const std::string& origin,
                    const std::vector<ConfigKey>& keys);
/// Of a file; the same errors, and one if it cannot be read.
Config read_config(const std::filesystem::path& path, const std::vector<ConfigKey>& keys);

/// The value that stands for `values` in such a file.
nlohmann::json config_value(const ConfigKey& key, const std::vector<std::string>& values);

}  // namespace trady::tools
