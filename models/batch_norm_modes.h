// What becomes of batch-norms, in words.
#pragma once

#include <string>
#include <vector>

#include "engine/tape.h"

namespace trady::models {

/// "folded", "frozen", "train".
std::vector<std::string> batch_norm_modes();

std::string name_of(BatchNormMode mode);

/// Throws Error for a word that is none of them.
BatchNormMode parse_batch_norm_mode(const std::string& name);

}  // namespace trady::models
