#include "models/batch_norm_modes.h"

#include "engine/error.h"
#include "engine/suggest.h"

namespace trady::models {

namespace {

constexpr BatchNormMode kModes[] = {BatchNormMode::folded, BatchNormMode::frozen,
                                    BatchNormMode::train};

}  // namespace

std::string name_of(BatchNormMode mode) {
  switch (mode) {
    case BatchNormMode::folded:
      return "folded";
    case BatchNormMode::frozen:
      return "frozen";
    default:
      return "train";
  }
}

std::vector<std::string> batch_norm_modes() {
  std::vector<std::string> names;
  for (const BatchNormMode mode : kModes) names.push_back(name_of(mode));
  return names;
}

BatchNormMode parse_batch_norm_mode(const std::string& name) {
  for (const BatchNormMode mode : kModes) {
    if (name_of(mode) == name) return mode;
  }
  fail("--batch-norm must be ", join(batch_norm_modes()), ", got '", name, "'");
}

}  // namespace trady::models
