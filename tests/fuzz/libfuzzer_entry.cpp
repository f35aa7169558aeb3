// What libFuzzer calls.
#include <cstddef>

#include "tests/fuzz/run_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trady::fuzz::run_input({data, size});
  return 0;
}
