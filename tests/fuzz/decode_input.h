// What the targets of picture formats share.
#pragma once

#include <cstdint>
#include <span>

namespace trady::fuzz {

/// Decodes a small picture: what a large one does differently is to take its time.
void decode_input(std::span<const uint8_t> file);

}  // namespace trady::fuzz
