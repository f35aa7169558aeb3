// Lists of channels as a forward pass that packs wants them (PackedSave in kernels/backend.h).
#pragma once

#include <cstdint>
#include <vector>

namespace trady::testing {

/// slot[c] = place of c in the list, or -1.
inline std::vector<int32_t> slots_of(const std::vector<int32_t>& list, int64_t channel_count) {
  std::vector<int32_t> slots(static_cast<size_t>(channel_count), -1);
  for (size_t j = 0; j < list.size(); ++j) {
    slots[static_cast<size_t>(list[j])] = static_cast<int32_t>(j);
  }
  return slots;
}

}  // namespace trady::testing
