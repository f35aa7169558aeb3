// Filling a budget by rank: the units of the highest score first, by the rule of selection/fill.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/update_plan.h"

namespace trady {

/// One channel of one conv, and what selecting it takes.
struct RankedUnit {
  int conv = 0;
  int32_t channel = 0;
  double score = 0;      ///< finite
  int64_t elements = 0;  ///< of the budget
};

/// Takes units in descending score, of equal ones those first that come first in `units`, and stops
/// at the first that would exceed the budget: it is left out and none is skipped. `kind` says which
/// channels the units are. Selects nothing when the first unit costs more than the budget.
UpdatePlan fill_by_rank(std::vector<RankedUnit> units, int64_t budget_elements,
                        LayerUpdate::Kind kind, size_t conv_count);

}  // namespace trady
