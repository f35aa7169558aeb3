// The file of --config: what is accepted can be written as options and read back.
#include <algorithm>

#include "tests/fuzz/target.h"
#include "tests/tools/config_keys.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  const std::vector<tools::ConfigKey>& keys = testing::config_keys();
  const tools::Config config =
      tools::parse_config(std::string(input.begin(), input.end()), "input", keys);
  nlohmann::json written = nlohmann::json::object();
  for (const tools::ConfigOption& option : config.given) {
    require(!option.values.empty(), "an option that is given has a value");
    const auto key = std::ranges::find(keys, option.name, &tools::ConfigKey::name);
    require(key != keys.end(), "an option that is given is known");
    require(!written.contains(option.name), "an option is given once");
    written[option.name] = tools::config_value(*key, option.values);
  }
  const tools::Config again = tools::parse_config(written.dump(), "written", keys);
  require(again.given == config.given, "options that are written are read back");
}

}  // namespace trady::fuzz
