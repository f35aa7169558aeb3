#include "traffic.h"

#include <sys/mman.h>

#include <mutex>

#include "cuda_on_host/control.h"
#include "memory_map.h"
#include "operations.h"

namespace cuda_on_host {

bool counting_traffic = false;

namespace {

enum Mark : uint8_t { kRead = 1, kWritten = 2 };

uint8_t* marks = nullptr;  // [kRegionBytes], of the running launch; reserved when first wanted
Traffic counted;

}  // namespace

void begin_launch_traffic() {
  // Back to zeros, and the memory to the system.
  madvise(marks, kRegionBytes, MADV_DONTNEED);
}

void note_traffic(Access kind, uintptr_t address, size_t bytes) {
  const int wanted = (kind == Access::write ? 0 : kRead) | (kind == Access::read ? 0 : kWritten);
  uint8_t* mark = marks + (address - region.base);
  for (size_t i = 0; i < bytes; ++i) {
    const int added = wanted & ~mark[i];
    if (added & kRead) ++counted.bytes_read;
    if (added & kWritten) ++counted.bytes_written;
    mark[i] |= static_cast<uint8_t>(added);
  }
}

void count_traffic(bool on) {
  const std::lock_guard lock(device_mutex());
  if (on) {
    if (!marks) marks = reserve<uint8_t>(kRegionBytes);
    counted = {};
  }
  counting_traffic = on;
}

Traffic traffic() {
  const std::lock_guard lock(device_mutex());
  return counted;
}

}  // namespace cuda_on_host
