// The one form of every result of bench/, the keys as in bench/peers/report.py:
//   {"bench": "step", "machine": {"cpu", "cores", "isa", "system"}, "commit", "command",
//    "versions": {"trady", "compiler", "onednn"}, "settings": {...}, and the bench's own results}
// and, on a GPU, machine.gpu (bench/common/gpu_energy.h) and versions.cuda.
// A timed side is {"median", "lower_quartile", "upper_quartile", "samples_ms"}.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/common/paired_timer.h"
#include "kernels/backend.h"

namespace trady::bench {

/// Everything but settings and results. The commit is TRADY_COMMIT of the environment (for a copy
/// of the tree without its repository), or that of the current folder's repository, or "unknown".
nlohmann::json provenance(const std::string& bench, int argc, char** argv,
                          const kernels::Backend& backend);

nlohmann::json json_of(const TimedSide& side);
nlohmann::json json_of(const TimeRatio& ratio);

/// Writes the whole file or none of it; nothing for an empty path.
void write_result(const std::string& path, const nlohmann::json& result);

}  // namespace trady::bench
