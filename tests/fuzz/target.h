// What every fuzz target is: one function that takes hostile bytes.
//
// A new one: a file fuzz_<what>.cpp here, its seeds in corpus/<what>/ (make_corpus.py), one line in
// CMakeLists.txt, and there too the sources of a parser that no other target needs. It must do the
// same with the same bytes, and may throw trady::Error alone: that is how files are refused.
// Everything else is a finding: other exceptions, what the sanitizers see, ten seconds, two
// gigabytes.
#pragma once

#include <cstdint>
#include <span>

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input);

/// Aborts where `holds` is not so: a property that an accepted file must have.
void require(bool holds, const char* property);

}  // namespace trady::fuzz
