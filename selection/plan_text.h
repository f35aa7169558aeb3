// A plan as text, for the checkpoint of a run whose method selects once and cannot look again.
#pragma once

#include <span>
#include <string>

#include "engine/conv_layer.h"
#include "engine/update_plan.h"

namespace trady {

/// JSON: [{"conv": 36, "inputs": [0, 5], "bias": true}, ...], convs that are updated alone; whole
/// weights are "all": true, output channels "outputs".
std::string plan_to_text(const UpdatePlan& plan);

/// Strict: anything else, and convs or channels that `convs` lack or that do not ascend, are Errors
/// that begin with `origin`.
UpdatePlan plan_from_text(const std::string& text, std::span<const ConvLayer> convs,
                          const std::string& origin);

}  // namespace trady
