// Where an interrupted epoch stands: text in the file of what it has changed so far.
#pragma once

#include <string>

#include "engine/trainer.h"
#include "kernels/work_counters.h"

namespace trady::tools {

struct EpochPosition {
  EpochResult done;          ///< of the steps that have ended
  kernels::WorkTotals work;  ///< multiply-adds of these
};

/// JSON that gives back every bit.
std::string text_of(const EpochPosition& position);
/// Error that names `origin` and the field, on anything that is not such a text of an epoch of
/// `steps` steps of `batch` images.
EpochPosition parse_position(const std::string& text, int64_t steps, int64_t batch,
                             const std::string& origin);

}  // namespace trady::tools
