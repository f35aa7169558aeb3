// Which launches and copies precede the one that runs, by streams, events and synchronisation.
#pragma once

#include <cstdint>

namespace cuda_on_host {

/// Whether the launch or copy of that (earlier) segment precedes the one that runs.
bool happened_before(uint32_t segment);

/// Sets of launches and copies that have read a byte; 0 is the empty set. Adding drops those that
/// precede the one that runs.
uint32_t add_reader(uint32_t readers, uint32_t segment);
/// A segment of a reader that does not precede the one that runs; 0 if there is none.
uint32_t first_unordered_reader(uint32_t readers);
void forget_reader_sets();

}  // namespace cuda_on_host
