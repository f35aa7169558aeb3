// Options that a file of --config may hold: one of every kind, and what records hold.
#pragma once

#include <vector>

#include "tools/config_file.h"

namespace trady::testing {

inline const std::vector<tools::ConfigKey>& config_keys() {
  using tools::ConfigKind;
  static const std::vector<tools::ConfigKey> keys{
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
  return keys;
}

}  // namespace trady::testing
