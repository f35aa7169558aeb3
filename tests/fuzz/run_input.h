// One input through the target that this program is linked with.
#pragma once

#include <cstdint>
#include <span>

namespace trady::fuzz {

/// A refusal, trady::Error, is what bad input is for, and no failure.
void run_input(std::span<const uint8_t> input);

}  // namespace trady::fuzz
