// What steps that update output channels need at most.
#pragma once

#include "engine/step/step_sizing.h"
#include "selection/cost_model.h"
#include "selection/draw_bounds.h"

namespace trady::tools {

/// `bounds.by_output` holds. Every conv that may have a selected output channel counts with its
/// whole input, since one such channel keeps it.
StepDemand demand_of_neurons(const CostModel& costs, const DrawBounds& bounds);

}  // namespace trady::tools
