// What the steps of a method need at most: from its bounds to what the engine sizes steps by.
#pragma once

#include "engine/step/step_sizing.h"
#include "selection/strategy.h"

namespace trady {

/// Of all epochs of a method.
StepDemand demand_of(const Strategy& strategy);

/// Of every draw within the bounds. Where they are of output channels, each conv that may have a
/// selected one counts with its whole input, since one such channel keeps it.
StepDemand demand_within(const CostModel& costs, const DrawBounds& bounds);

}  // namespace trady
