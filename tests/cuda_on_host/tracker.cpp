#include "tracker.h"

#include <bit>

#include "memory_map.h"
#include "order.h"
#include "report.h"
#include "traffic.h"

namespace cuda_on_host {

Now now;
uint64_t access_count = 0;

namespace {

constexpr uint32_t kNeverSeen[32] = {};
constexpr uint32_t kTimeZero = 0;

struct Attempt {
  Access kind;
  uintptr_t address;
  size_t bytes;
  const Accessor& accessor;
  uint32_t oldest;  // what lies in earlier segments cannot conflict
};

/// Lanes of the touch whose accesses do not precede this one.
uint32_t unordered_lanes(const Touch& touch, const Accessor& me) {
  uint32_t result = 0;
  for (uint32_t rest = touch.lanes & ~me.lane; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    if (me.seen[lane] <= touch.warp_time) result |= rest & -rest;
  }
  return result;
}

/// Nothing orders some access of `before` ahead of this one.
bool unordered(const Touch& before, const Attempt& attempt) {
  if (before.segment < attempt.oldest) return false;
  if (before.segment >= now.first_of_block) {
    if (before.flags & kManyBlocks) return true;
    if (before.segment != now.segment) return false;
    if (before.flags & kManyWarps || before.warp != attempt.accessor.warp) return true;
    return unordered_lanes(before, attempt.accessor) != 0;
  }
  return before.segment >= now.first_of_operation || !happened_before(before.segment);
}

/// Adds this access to a set of reads or of atomics, dropping those that precede it.
void join(Touch& touch, const Attempt& attempt) {
  const Accessor& me = attempt.accessor;
  const uint32_t time = *me.warp_time;
  if (touch.segment == now.segment) {
    if (touch.warp == me.warp && !(touch.flags & kManyWarps)) {
      touch.lanes = touch.lanes == me.lane ? me.lane : unordered_lanes(touch, me) | me.lane;
    } else {
      touch.flags |= kManyWarps;
      touch.lanes = me.lane;
      touch.warp = me.warp;
    }
    touch.warp_time = time;
    return;
  }
  uint16_t flags = 0;
  if (touch.segment >= attempt.oldest && touch.segment >= now.first_of_operation) {
    flags = touch.segment < now.first_of_block ? kManyBlocks : touch.flags & kManyBlocks;
  }
  touch = {now.segment, time, me.lane, me.warp, flags};
}

void check_order(const AccessHistory& history, const Attempt& attempt) {
  const Touch& write = history.write;
  // Atomics of one launch may meet.
  const bool both_atomic = attempt.kind == Access::atomic && write.flags & kAtomic &&
                           write.segment >= now.first_of_operation;
  if (!both_atomic && unordered(write, attempt)) {
    report_race(attempt.kind, attempt.address, attempt.bytes, write,
                write.flags & kAtomic ? "updated atomically" : "written");
  }
  if (attempt.kind == Access::read) return;
  if (unordered(history.read, attempt)) {
    report_race(attempt.kind, attempt.address, attempt.bytes, history.read, "read");
  }
  if (history.earlier_readers != 0 && history.read.segment >= attempt.oldest) {
    const uint32_t reader = first_unordered_reader(history.earlier_readers);
    if (reader != 0) {
      report_race(attempt.kind, attempt.address, attempt.bytes, Touch{.segment = reader}, "read");
    }
  }
}

void record(AccessHistory& history, const Attempt& attempt) {
  check_order(history, attempt);
  if (attempt.kind == Access::read) {
    Touch& read = history.read;
    if (read.segment < attempt.oldest) {
      history.earlier_readers = 0;
    } else if (read.segment < now.first_of_operation) {
      history.earlier_readers = add_reader(history.earlier_readers, read.segment);
    }
    join(read, attempt);
  } else if (attempt.kind == Access::atomic) {
    Touch& write = history.write;
    if (write.flags & kAtomic) {
      join(write, attempt);
    } else {
      write = {now.segment, *attempt.accessor.warp_time, attempt.accessor.lane,
               attempt.accessor.warp, 0};
    }
    write.flags |= kAtomic;
    // Reads stay: they may conflict with the next atomic, which does not wait for this one.
  } else {
    history.write = {now.segment, *attempt.accessor.warp_time, attempt.accessor.lane,
                     attempt.accessor.warp, 0};
    history.read = {};
    history.earlier_readers = 0;
  }
}

/// A whole aligned word.
void record_word(size_t word, const Attempt& attempt) {
  AccessHistory& history = region.words[word];
  if (history.in_parts == 0) {
    record(history, attempt);
    return;
  }
  AccessHistory* parts = region.of_bytes + word * 4;
  for (int i = 0; i < 4; ++i) record(parts[i], attempt);
  if (attempt.kind == Access::write) history = parts[0];
}

void record_byte(size_t offset, const Attempt& attempt) {
  AccessHistory& word = region.words[offset / 4];
  AccessHistory* parts = region.of_bytes + offset / 4 * 4;
  if (word.in_parts == 0) {
    for (int i = 0; i < 4; ++i) parts[i] = word;
    word.in_parts = 1;
  }
  record(region.of_bytes[offset], attempt);
}

template <typename Word>
bool all_initialised(const uint8_t* states) {
  Word actual;
  __builtin_memcpy(&actual, states, sizeof actual);
  return actual == static_cast<Word>(0x0202020202020202ull);
}

bool quickly_initialised(const uint8_t* states, size_t bytes) {
  switch (bytes) {
    case 4:
      return all_initialised<uint32_t>(states);
    case 1:
      return *states == kInitialised;
    case 8:
      return all_initialised<uint64_t>(states);
    case 16:
      return all_initialised<uint64_t>(states) && all_initialised<uint64_t>(states + 8);
    case 2:
      return all_initialised<uint16_t>(states);
    default:
      return false;
  }
}

void check_states(const Attempt& attempt, size_t offset) {
  uint8_t* states = region.states + offset;
  for (size_t i = 0; i < attempt.bytes; ++i) {
    if (states[i] == kInitialised) continue;
    // Copies may touch pinned memory, kernels may not; the host's own accesses are not seen.
    if (states[i] == kPinned && &attempt.accessor == &kRuntimeAccessor) continue;
    if (states[i] != kUninitialised) {
      report_address(attempt.kind, attempt.address, attempt.bytes, attempt.address + i,
                     static_cast<ByteState>(states[i]));
    }
    if (attempt.kind != Access::write) {
      report_uninitialised(attempt.kind, attempt.address, attempt.bytes, attempt.address + i);
    }
    states[i] = kInitialised;
  }
}

}  // namespace

const Accessor kRuntimeAccessor{1, 0, kNeverSeen, &kTimeZero};

void check_access(Access kind, uintptr_t address, size_t bytes, const Accessor& accessor) {
  ++access_count;
  const size_t offset = address - region.base;
  const bool shared = offset < kFirstAllocationOffset;
  if (bytes > kRegionBytes - offset) {
    report_address(kind, address, bytes, region.base + kRegionBytes, kUnallocated);
  }
  const Attempt attempt{kind, address, bytes, accessor, shared ? now.first_of_block : now.oldest};
  if (!quickly_initialised(region.states + offset, bytes)) check_states(attempt, offset);
  if (counting_traffic && !shared && &accessor != &kRuntimeAccessor) {
    note_traffic(kind, address, bytes);
  }
  const size_t end = offset + bytes;
  size_t at = offset;
  while (at < end) {
    if (at % 4 == 0 && end - at >= 4) {
      record_word(at / 4, attempt);
      at += 4;
    } else {
      record_byte(at++, attempt);
    }
  }
}

void set_pending(uintptr_t address, size_t bytes) {
  __builtin_memset(region.states + (address - region.base), kPending, bytes);
}

void set_arrived(uintptr_t address, size_t bytes) {
  __builtin_memset(region.states + (address - region.base), kInitialised, bytes);
}

}  // namespace cuda_on_host
