// Who touched a byte last, as far as it matters for the next access.
#pragma once

#include <cstdint>

namespace cuda_on_host {

/// A set of accesses of one kind, of which those that precede its latest are left out.
///
/// Segments are numbered in the order of execution: one from each barrier to the next of a block,
/// one for each copy. So a number tells the launch, the block and the barrier.
struct Touch {
  uint32_t segment = 0;    ///< of the latest; 0: none
  uint32_t warp_time = 0;  ///< count of __syncwarp of the warp, at the latest
  uint32_t lanes = 0;      ///< the lanes of `warp` that touched it in this segment
  uint16_t warp = 0;
  uint16_t flags = 0;
};
enum TouchFlags : uint16_t {
  kAtomic = 1,
  kManyWarps = 2,   ///< of this segment
  kManyBlocks = 4,  ///< of this launch
};

struct AccessHistory {
  Touch write;
  Touch read;                    ///< since that write
  uint32_t earlier_readers = 0;  ///< launches that have read it since and do not precede `read`
  uint32_t in_parts = 0;         ///< of a word: not 0 if its bytes have histories of their own
};

/// Who accesses: a thread of a block, or the runtime.
struct Accessor {
  uint32_t lane = 1;  ///< as a bit
  uint16_t warp = 0;
  const uint32_t* seen = nullptr;  ///< [32] accesses of that lane before this warp time precede
  const uint32_t* warp_time = nullptr;
};

}  // namespace cuda_on_host
