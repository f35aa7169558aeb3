// The file of --config: what is accepted can be written as options and read back.
#include <algorithm>

#include "tests/fuzz/target.h"
#include "tools/config_file.h"

namespace trady::fuzz {

namespace {

using tools::ConfigKind;

/// One of every kind, and what records hold.
const std::vector<tools::ConfigKey>& keys() {
  static const std::vector<tools::ConfigKey> known{
      {"model"},
      {"weights"},
      {"data"},
      {"method"},
      {"cache"},
      {"memory-limit"},
      {"budget", ConfigKind::text_or_whole},
      {"epochs", ConfigKind::whole},
      {"warmup", ConfigKind::whole},
      {"seed", ConfigKind::whole},
      {"batch", ConfigKind::whole},
      {"micro-batch", ConfigKind::whole},
      {"lr", ConfigKind::number},
      {"val-split", ConfigKind::number},
      {"mix", ConfigKind::flag},
      {"calibrate-bn", ConfigKind::flag_or_whole, "256"},
      {"classes", ConfigKind::wholes},
  };
  return known;
}

}  // namespace

void run_target(std::span<const uint8_t> input) {
  const tools::Config config =
      tools::parse_config(std::string(input.begin(), input.end()), "input", keys());
  nlohmann::json written = nlohmann::json::object();
  for (const tools::ConfigOption& option : config.given) {
    require(!option.values.empty(), "an option that is given has a value");
    const auto key = std::ranges::find(keys(), option.name, &tools::ConfigKey::name);
    require(key != keys().end(), "an option that is given is known");
    require(!written.contains(option.name), "an option is given once");
    written[option.name] = tools::config_value(*key, option.values);
  }
  const tools::Config again = tools::parse_config(written.dump(), "written", keys());
  require(again.given == config.given, "options that are written are read back");
}

}  // namespace trady::fuzz
