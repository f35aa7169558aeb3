// The order in which threads and blocks run: see set_schedule.
#pragma once

#include <cstdint>
#include <vector>

namespace cuda_on_host {

/// Reorders what is in ascending order or was reordered before.
void put_in_order(std::vector<uint32_t>& items);
/// Reads the environment, once.
void load_schedule();

}  // namespace cuda_on_host
