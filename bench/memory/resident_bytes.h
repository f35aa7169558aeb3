// What the operating system says of this process's memory; in a header, so that a test that links
// no bench can ask too.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace trady::bench {

/// Resident bytes now.
inline int64_t resident_bytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace trady::bench
