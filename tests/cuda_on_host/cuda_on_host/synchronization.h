// Barriers. The place of the call is part of what is checked: all must wait at the same one.
#pragma once

#include <source_location>

// NOLINTBEGIN(bugprone-reserved-identifier): the names are CUDA's.
/// Every thread of the block; none may have exited, none wait elsewhere.
void __syncthreads(std::source_location where = std::source_location::current());

/// Every lane that the mask names; orders their memory accesses.
void __syncwarp(unsigned mask = 0xffffffffu,
                std::source_location where = std::source_location::current());
// NOLINTEND(bugprone-reserved-identifier)
