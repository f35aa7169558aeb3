// Runs the files of a folder through a target, in builds without libFuzzer: the seeds, among them
// everything that a fuzzer once found.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "engine/data/input_file.h"
#include "engine/error.h"
#include "tests/fuzz/run_input.h"

int main(int argc, char** argv) {
  constexpr int64_t kLargest = int64_t{1} << 20;
  try {
    if (argc != 2) trady::fail("usage: ", argv[0], " FOLDER");
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);
      trady::fuzz::run_input(trady::read_whole_file(entry.path(), kLargest));
      ++files;
    }
    if (files == 0) trady::fail(argv[1], " holds no file");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
