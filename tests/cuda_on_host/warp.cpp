#include "cuda_on_host/warp.h"

#include <algorithm>

#include "block.h"
#include "cuda_on_host/tensor_core.h"
#include "report.h"
#include "tensor_core.h"

namespace cuda_on_host {
namespace {

/// The lane that `lane` reads, after the PTX ISA, "shfl.sync"; itself if that leaves its part.
int source_lane(int lane, const WarpOperation& operation) {
  const int first = lane / operation.width * operation.width;
  const int last = first + operation.width - 1;
  switch (static_cast<Shuffle>(operation.kind)) {
    case Shuffle::indexed:
      return first + (operation.operand & (operation.width - 1));
    case Shuffle::up:
      return lane - operation.operand < first ? lane : lane - operation.operand;
    case Shuffle::down:
      return lane + operation.operand > last ? lane : lane + operation.operand;
    default: {
      const int source = lane ^ operation.operand;
      return source > last ? lane : source;
    }
  }
}

/// The lanes that take part, by lane; nullptr for others.
struct Lanes {
  WarpOperation* operations[32] = {};
};

void shuffle_lanes(const Lanes& lanes) {
  uint64_t taken[32] = {};
  for (int lane = 0; lane < 32; ++lane) {
    const WarpOperation* operation = lanes.operations[lane];
    if (!operation) continue;
    const int source = source_lane(lane, *operation);
    if (source < 0 || source > 31 || !lanes.operations[source]) {
      report([=] {
        return "a shuffle with mask " + hexadecimal(operation->mask) + " has lane " +
               std::to_string(lane) + " read from lane " + std::to_string(source) +
               ", which the mask does not name" + at(operation->where);
      });
    }
    taken[lane] = lanes.operations[source]->value;
  }
  for (int lane = 0; lane < 32; ++lane) {
    if (lanes.operations[lane]) lanes.operations[lane]->value = taken[lane];
  }
}

void count_votes(const Lanes& lanes) {
  uint32_t mask = 0, ballot = 0;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (!lanes.operations[lane]) continue;
    mask |= 1u << lane;
    if (lanes.operations[lane]->value) ballot |= 1u << lane;
  }
  for (WarpOperation* operation : lanes.operations) {
    if (!operation) continue;
    switch (static_cast<Vote>(operation->kind)) {
      case Vote::ballot:
        operation->value = ballot;
        break;
      case Vote::any:
        operation->value = ballot != 0;
        break;
      default:
        operation->value = ballot == mask;
    }
  }
}

/// What each lane has done, and what it knows to precede, precedes what any of them does next.
void order_lanes(Warp& warp, uint32_t mask) {
  const uint32_t time = ++warp.time;
  uint32_t joined[32] = {};
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    for (uint32_t i = 0; i < 32; ++i) joined[i] = std::max(joined[i], warp.seen[lane][i]);
  }
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (mask >> lane & 1) joined[lane] = time;
  }
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (mask >> lane & 1) std::copy_n(joined, 32, warp.seen[lane]);
  }
}

}  // namespace

const char* name_of(WarpCall call) {
  switch (call) {
    case WarpCall::syncwarp:
      return "__syncwarp";
    case WarpCall::shuffle:
      return "a shuffle";
    case WarpCall::vote:
      return "a vote";
    default:
      return "mma";
  }
}

void compute_warp_operation(Block& block, uint32_t first, uint32_t mask, WarpCall call) {
  Lanes lanes;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if (mask >> lane & 1) lanes.operations[lane] = &block.thread(first + lane)->warp_operation;
  }
  switch (call) {
    case WarpCall::syncwarp:
      order_lanes(*block.thread(first)->warp, mask);
      break;
    case WarpCall::shuffle:
      shuffle_lanes(lanes);
      break;
    case WarpCall::vote:
      count_votes(lanes);
      break;
    default:
      multiply_fragments(lanes.operations);
  }
}

uint64_t shuffle(Shuffle kind, unsigned mask, uint64_t bits, int operand, int width,
                 std::source_location where) {
  const LibraryScope scope;
  Thread& thread = thread_of_kernel("a shuffle");
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) {
    report([&] {
      return "a shuffle of width " + std::to_string(width) + at(where) +
             ": it may be 1, 2, 4, 8, 16 or 32";
    });
  }
  WarpOperation operation;
  operation.call = WarpCall::shuffle;
  operation.kind = static_cast<int>(kind);
  operation.mask = mask;
  operation.where = where;
  operation.value = bits;
  operation.operand = operand;
  operation.width = width;
  thread.block->join_warp_operation(thread, operation);
  return thread.warp_operation.value;
}

unsigned vote(Vote kind, unsigned mask, bool predicate, std::source_location where) {
  const LibraryScope scope;
  Thread& thread = thread_of_kernel("a vote");
  WarpOperation operation;
  operation.call = WarpCall::vote;
  operation.kind = static_cast<int>(kind);
  operation.mask = mask;
  operation.where = where;
  operation.value = predicate;
  thread.block->join_warp_operation(thread, operation);
  return static_cast<unsigned>(thread.warp_operation.value);
}

}  // namespace cuda_on_host
