// One reserved range of addresses for everything that kernels may touch: the shared memory of the
// running block, then device and pinned allocations with red zones between. Beside it lie, directly
// computed from an address, the state of every byte and the history of its accesses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "access_history.h"

namespace cuda_on_host {

/// What may be done with a byte.
enum ByteState : uint8_t {
  kUnallocated = 0,  // red zone, freed, never allocated
  kUninitialised = 1,
  kInitialised = 2,
  kPending = 3,  // destination of a cp.async that has not been waited for
  kPinned = 4,   // of the host
};

constexpr size_t kRegionBytes = size_t{16} << 30;
constexpr size_t kLargestSharedBytes = 227 << 10;

/// The directly computed tables; `base` is the first address of the region.
struct Region {
  uintptr_t base = 0;
  uint8_t* states = nullptr;          // [kRegionBytes]
  AccessHistory* words = nullptr;     // [kRegionBytes / 4]
  AccessHistory* of_bytes = nullptr;  // [kRegionBytes]; used where a word was touched in parts
};
extern Region region;

/// Addresses without memory, which comes with the first access, zeroed. Never released.
void* reserve_bytes(size_t bytes);
template <typename T>
T* reserve(size_t count) {
  return static_cast<T*>(reserve_bytes(count * sizeof(T)));
}

/// Whether an address is in the region at all.
inline bool in_region(uintptr_t address) {
  return address - region.base < kRegionBytes;
}

/// Shared memory is first in the region, device and pinned memory follow.
constexpr size_t kSharedOffset = 64 << 10;
constexpr size_t kFirstAllocationOffset = 512 << 10;

struct Allocation {
  uintptr_t start = 0;
  size_t bytes = 0;
  size_t slot_bytes = 0;  // with red zones
  bool pinned = false;
  bool live = true;
};

class MemoryMap {
 public:
  static MemoryMap& instance();

  /// nullptr when the region has no place. The bytes are uninitialised, or pinned.
  void* allocate(size_t bytes, bool pinned);
  /// Throws Violation if `pointer` is not the start of a live allocation of that kind.
  void release(void* pointer, bool pinned);

  /// The allocation at or right before this address, freed ones too; nullptr if none is near.
  const Allocation* nearest(uintptr_t address) const;
  /// "device allocation of 64 bytes + 72, past its end", for messages.
  std::string describe(uintptr_t address) const;

  /// Fresh, uninitialised shared memory of a block.
  void begin_block(size_t shared_bytes);
  uintptr_t shared_start() const { return region.base + kSharedOffset; }
  size_t shared_bytes() const { return shared_bytes_; }

  size_t live_allocations() const { return live_; }
  size_t device_bytes() const { return device_bytes_; }

 private:
  MemoryMap();

  std::map<uintptr_t, Allocation> allocations_;  // by start of the slot
  uintptr_t next_ = 0;
  size_t live_ = 0;
  size_t device_bytes_ = 0;
  size_t shared_bytes_ = 0;
};

}  // namespace cuda_on_host
