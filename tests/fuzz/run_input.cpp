#include "tests/fuzz/run_input.h"

#include <cstdio>
#include <cstdlib>

#include "engine/error.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void run_input(std::span<const uint8_t> input) {
  try {
    run_target(input);
  } catch (const Error&) {
  }
}

void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "an accepted input breaks this: %s\n", property);
  std::abort();
}

}  // namespace trady::fuzz
