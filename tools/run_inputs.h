// What a run was fed with, beyond the text of its options: names stay while contents change.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/data/open_dataset.h"

namespace trady::tools {

/// Class names and numbers of images as the data set has them, for the record.
nlohmann::json json_of(const DatasetSplits& data);

/// 64-bit FNV-1a of a file's bytes, as 16 hexadecimal digits: tells a replaced file, not a forged
/// one.
std::string fingerprint(const std::string& file);

}  // namespace trady::tools
