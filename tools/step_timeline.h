// What a step holds while it runs, op by op: for the record of a run and its report.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/step/step_runner.h"

namespace trady::tools {

/// {"ops": ["forward of conv1", ...], "bytes": {"activations": [live bytes at each op], ...}}: the
/// shared buffers and those of all workers; categories that are never used are left out.
nlohmann::json step_timeline(const StepRunner& runner, const Tape& tape);

}  // namespace trady::tools
