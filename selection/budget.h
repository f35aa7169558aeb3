// What users write for a budget, turned into elements per sample or bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "selection/cost_model.h"

namespace trady {

/// B_mem in elements per sample, from
///   `27946`   elements per sample, as in the paper;
///   `110KiB`  a size at 4 bytes an element (B, KB, KiB, MB, MiB, GB, GiB; `1.5MiB` works too);
///   `2%`      of the network's total (all conv weights and input activations), rounded down.
/// More than the total is allowed: everything fits. Error on anything else, on zero, and on a
/// budget below the network's cheapest unit.
int64_t parse_budget(const std::string& text, const CostModel& costs);

/// Error if no unit of `pool` fits in the budget, naming the cheapest unit's cost and layer.
void require_unit_fits(int64_t budget_elements, const CostModel& costs, std::span<const int> pool);

/// Bytes from a size with a unit, such as `6MiB` or `4.5MiB`; above zero. `option` heads the
/// message of an Error, for example "--memory-limit".
int64_t parse_bytes(const std::string& text, const std::string& option);

}  // namespace trady
