#include "memory_map.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "cuda_on_host/violation.h"

namespace cuda_on_host {
namespace {

constexpr size_t kPage = 4096;
// cudaMalloc promises 256 bytes; no more, so that nobody relies on more.
constexpr size_t kFrontRedZone = 256;
// Not a number, whatever the type of float.
constexpr int kPoison = 0xff;

/// Back to zeros, and its memory to the system.
void forget(void* start, size_t bytes) {
  madvise(start, bytes, MADV_DONTNEED);
}

size_t slot_for(size_t bytes) {
  const size_t behind = std::max(kPage, bytes / 4);
  return (kFrontRedZone + bytes + behind + kPage - 1) / kPage * kPage;
}

}  // namespace

Region region;

void* reserve_bytes(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("[cuda_on_host] cannot reserve " + std::to_string(bytes >> 30) +
                             " GiB of addresses (not memory); is there a limit (ulimit -v, "
                             "vm.overcommit_memory=2)?");
  }
  // Histories are sparse: huge pages would multiply the memory that they take.
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  madvise(memory, bytes, MADV_DONTDUMP);
  return memory;
}

MemoryMap& MemoryMap::instance() {
  static MemoryMap map;
  return map;
}

MemoryMap::MemoryMap() {
  region.states = reserve<uint8_t>(kRegionBytes);
  region.words = reserve<AccessHistory>(kRegionBytes / 4);
  region.of_bytes = reserve<AccessHistory>(kRegionBytes);
  region.base = reinterpret_cast<uintptr_t>(reserve<uint8_t>(kRegionBytes));
  next_ = region.base + kFirstAllocationOffset;
}

void* MemoryMap::allocate(size_t bytes, bool pinned) {
  const size_t slot_bytes = slot_for(bytes);
  const uintptr_t first = region.base + kFirstAllocationOffset;
  const uintptr_t end = region.base + kRegionBytes;
  // Addresses are reused as late as possible, so that a use after free finds nothing there.
  uintptr_t slot = next_;
  for (int round = 0; round < 2; ++round) {
    if (slot_bytes > end - slot) {
      if (round == 1) return nullptr;
      slot = first;
    }
    auto next = allocations_.lower_bound(slot);
    while (next != allocations_.end() && next->first < slot + slot_bytes) {
      if (next->second.live) {
        slot = next->first + next->second.slot_bytes;
        ++next;
        if (slot_bytes > end - slot) break;
      } else {
        next = allocations_.erase(next);
      }
    }
    if (slot_bytes <= end - slot) break;
  }
  if (slot_bytes > end - slot) return nullptr;
  const uintptr_t start = slot + kFrontRedZone;
  allocations_[slot] = {start, bytes, slot_bytes, pinned, true};
  next_ = slot + slot_bytes;
  std::memset(reinterpret_cast<void*>(start), kPoison, bytes);
  std::memset(region.states + (start - region.base), pinned ? kPinned : kUninitialised, bytes);
  ++live_;
  if (!pinned) device_bytes_ += bytes;
  return reinterpret_cast<void*>(start);
}

void MemoryMap::release(void* pointer, bool pinned) {
  const char* call = pinned ? "cudaFreeHost" : "cudaFree";
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  const auto found = allocations_.find(address - kFrontRedZone);
  if (found == allocations_.end() || found->second.pinned != pinned || !found->second.live) {
    const bool twice = found != allocations_.end() && !found->second.live;
    throw Violation(std::string("[cuda_on_host] ") + call + " of " +
                    (twice ? "memory that was freed already: " : "what it did not allocate: ") +
                    describe(address));
  }
  Allocation& allocation = found->second;
  const size_t offset = found->first - region.base;
  forget(region.states + offset, allocation.slot_bytes);
  forget(region.words + offset / 4, allocation.slot_bytes / 4 * sizeof(AccessHistory));
  forget(region.of_bytes + offset, allocation.slot_bytes * sizeof(AccessHistory));
  forget(reinterpret_cast<void*>(found->first), allocation.slot_bytes);
  allocation.live = false;
  --live_;
  if (!pinned) device_bytes_ -= allocation.bytes;
}

const Allocation* MemoryMap::nearest(uintptr_t address) const {
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return nullptr;
  const auto& [slot, allocation] = *std::prev(after);
  return address < slot + allocation.slot_bytes ? &allocation : nullptr;
}

std::string MemoryMap::describe(uintptr_t address) const {
  const auto place = [address](const std::string& what, uintptr_t start, size_t bytes) {
    const std::string text = what + " of " + std::to_string(bytes) + " bytes ";
    if (address < start) return text + "- " + std::to_string(start - address) + ", before it";
    const size_t offset = address - start;
    return text + "+ " + std::to_string(offset) + (offset >= bytes ? ", past its end" : "");
  };
  if (!in_region(address)) return "host memory";
  if (address < region.base + kFirstAllocationOffset) {
    return place("shared memory", shared_start(), shared_bytes_);
  }
  const Allocation* allocation = nearest(address);
  if (!allocation) return "device memory outside any allocation";
  std::string what = allocation->pinned ? "pinned host allocation" : "device allocation";
  if (!allocation->live) what = "freed " + what;
  return place(what, allocation->start, allocation->bytes);
}

void MemoryMap::begin_block(size_t shared_bytes) {
  uint8_t* states = region.states + kSharedOffset;
  std::memset(states, kUninitialised, shared_bytes);
  if (shared_bytes_ > shared_bytes) {
    std::memset(states + shared_bytes, kUnallocated, shared_bytes_ - shared_bytes);
  }
  std::memset(reinterpret_cast<void*>(shared_start()), kPoison, shared_bytes);
  shared_bytes_ = shared_bytes;
}

}  // namespace cuda_on_host
