#include "report.h"

#include <bit>
#include <cstdio>
#include <cstring>

#include "block.h"
#include "cuda_on_host/violation.h"
#include "grid.h"
#include "operations.h"

namespace cuda_on_host {
namespace {

const char* verb(Access kind) {
  switch (kind) {
    case Access::read:
      return "reads ";
    case Access::write:
      return "writes ";
    default:
      return "updates atomically ";
  }
}

std::string access(Access kind, uintptr_t address, size_t bytes) {
  char pointer[32];
  std::snprintf(pointer, sizeof pointer, "%#zx", static_cast<size_t>(address));
  return verb(kind) + std::to_string(bytes) + " bytes at " + pointer + " = " +
         MemoryMap::instance().describe(address);
}

/// Who made an earlier access, and what would have ordered the two.
std::string describe_other(const Touch& other, const char* done) {
  const std::string start = std::string(done) + " by ";
  if (other.segment < now.first_of_operation) {
    const Operation* operation = Operations::instance().of_segment(other.segment);
    return start + (operation ? "'" + operation->name + "'" : "earlier work") +
           ", and no stream, event or synchronisation orders the two";
  }
  const Block& block = Block::instance();
  // Of several lanes one that is not the caller.
  uint32_t lanes = other.lanes;
  if (calling_thread && calling_thread->index / 32 == other.warp &&
      lanes != calling_thread->accessor.lane) {
    lanes &= ~calling_thread->accessor.lane;
  }
  const uint32_t thread =
      other.warp * 32u + static_cast<uint32_t>(std::countr_zero(lanes | 0x80000000u));
  const std::string who = block.describe_thread(thread);
  if (other.segment < now.first_of_block || other.flags & kManyBlocks) {
    return start +
           (other.segment < now.first_of_block
                ? who + " of block " + describe_index(block_of_segment(other.segment))
                : "another block") +
           " of the same launch, and not by atomics alone";
  }
  if (calling_thread && calling_thread->index == thread) {
    return start + "this and other threads without a barrier between";
  }
  const bool same_warp = calling_thread && calling_thread->index / 32 == thread / 32;
  return start + who + " of the same " +
         (same_warp ? "warp without __syncwarp or a barrier" : "block without a barrier") +
         " between";
}

}  // namespace

std::string describe_index(const dim3& index) {
  return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " +
         std::to_string(index.z) + ")";
}

std::string hexadecimal(uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

std::string at(const std::source_location& where) {
  const char* path = where.file_name();
  const char* slash = std::strrchr(path, '/');
  return std::string(" (") + (slash ? slash + 1 : path) + ":" + std::to_string(where.line()) + ")";
}

bool same_place(const std::source_location& one, const std::source_location& other) {
  return one.line() == other.line() && one.column() == other.column() &&
         std::strcmp(one.file_name(), other.file_name()) == 0;
}

std::string kernel_and_block() {
  const Operation* operation = Operations::instance().current();
  return "[cuda_on_host] kernel '" + (operation ? operation->name : "") + "', block " +
         describe_index(Block::instance().index());
}

void report_described(const Description& what) {
  running_thread = nullptr;
  if (calling_thread) calling_thread->block->abandon(what);
  const Operation* operation = Operations::instance().current();
  throw Violation("[cuda_on_host] " + (operation ? "'" + operation->name + "': " : "") +
                  what.text());
}

void report_race(Access kind, uintptr_t address, size_t bytes, const Touch& other,
                 const char* done_by_other) {
  report(
      [&] { return access(kind, address, bytes) + ": " + describe_other(other, done_by_other); });
}

void report_address(Access kind, uintptr_t address, size_t bytes, uintptr_t bad, ByteState state) {
  report([=] {
    const std::string what = access(kind, address, bytes);
    if (state == kPending) return what + ": a cp.async to it has not been waited for";
    if (state == kPinned) return what + ": memory of the host";
    if (bad == address) return what + ": not allocated";
    return what + ", up to " + MemoryMap::instance().describe(bad) + ": not allocated";
  });
}

void report_uninitialised(Access kind, uintptr_t address, size_t bytes, uintptr_t bad) {
  report([=] {
    const std::string what = access(kind, address, bytes) + ": uninitialised";
    return bad == address ? what : what + " from byte " + std::to_string(bad - address) + " on";
  });
}

void report_outside(Access kind, uintptr_t address, size_t bytes) {
  report([=] { return access(kind, address, bytes) + ", which a kernel cannot reach"; });
}

void report_misaligned(Access kind, uintptr_t address, size_t bytes) {
  report([=] {
    return access(kind, address, bytes) + ": misaligned for " + std::to_string(bytes) + " bytes";
  });
}

}  // namespace cuda_on_host
