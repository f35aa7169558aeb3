// Checks of numbers on the command line: everything that is not plainly a number in range is
// refused before it is converted, in few words however long the text is.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace trady::tools {

/// A whole number from `least` to `most`, in decimal digits. For `transform`: leading zeros, which
/// would make it octal, are removed.
CLI::Validator whole_number(int64_t least, int64_t most);
/// The same for all of uint64_t.
CLI::Validator seed_number();
/// For `check`: a finite decimal number from `least` to `most`.
CLI::Validator real_number(double least, double most);
/// For `check`: a finite decimal number above 0 and at most `most`.
CLI::Validator positive_number(double most);

}  // namespace trady::tools
