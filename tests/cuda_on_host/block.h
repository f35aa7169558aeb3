// One block of threads: runs them in turn, switches at barriers and warp operations, and finds the
// threads that wait for what will not come.
#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "access_history.h"
#include "cuda_on_host/launch.h"
#include "fiber.h"

namespace cuda_on_host {

class Block;
class Description;

enum class WarpCall { syncwarp, shuffle, vote, mma };

/// What a lane brings to a warp operation, and takes from it.
struct WarpOperation {
  WarpCall call = WarpCall::syncwarp;
  int kind = 0;  ///< which shuffle, which vote
  uint32_t mask = 0;
  std::source_location where;
  uint64_t value = 0;  ///< in and out
  int operand = 0;     ///< lane, distance or lane mask of a shuffle
  int width = 32;
  uint32_t a[4] = {}, b[2] = {};  ///< of an mma
  float d[4] = {};                ///< in and out
};

struct AsyncCopy {
  uintptr_t shared, global;
  size_t bytes;
  bool valid;
  uint32_t group;
};

struct Warp {
  uint32_t time = 0;           ///< count of __syncwarp
  uint32_t seen[32][32] = {};  ///< [lane][other]: accesses of the other before that time precede
};

struct Thread {
  enum class State { ready, at_barrier, in_warp_operation, finished };

  Fiber fiber;
  Block* block = nullptr;
  uint32_t index = 0;  ///< in the block, x fastest
  State state = State::ready;
  Accessor accessor;
  Warp* warp = nullptr;
  uint32_t lane = 0;
  std::source_location barrier;
  WarpOperation warp_operation;
  std::vector<AsyncCopy> async_copies;
  uint32_t async_group = 0;
};

/// The thread whose own instructions run now; nullptr in this library and on the host. Only then
/// is an access a kernel's access.
extern thread_local constinit Thread* running_thread;
/// Likewise, but also within this library.
extern thread_local constinit Thread* calling_thread;

/// In a function that kernels call: its own accesses are not the kernel's.
class LibraryScope {
 public:
  LibraryScope() : saved_(running_thread) { running_thread = nullptr; }
  ~LibraryScope() { running_thread = saved_; }
  LibraryScope(const LibraryScope&) = delete;
  LibraryScope& operator=(const LibraryScope&) = delete;

 private:
  Thread* saved_;
};

/// The calling thread; throws if `what` is called outside a kernel.
Thread& thread_of_kernel(const char* what);

class Block {
 public:
  static Block& instance();

  void run(const LaunchSettings& settings, const KernelCall& call, dim3 index);

  void wait_at_barrier(Thread& thread, std::source_location where);
  /// Returns when all lanes that the mask names have called.
  void join_warp_operation(Thread& thread, const WarpOperation& operation);
  /// Gives up the calling thread and has run() throw a Violation.
  [[noreturn]] void abandon(const Description& violation);

  /// "thread (1, 0, 0)"
  std::string describe_thread(uint32_t index) const;
  dim3 index() const { return index_; }
  Thread* thread(uint32_t index) { return index < count_ ? threads_[index].get() : nullptr; }

 private:
  static void run_thread(void* thread);
  void prepare(dim3 shape);
  void resume(Thread& thread);
  void release_barrier();
  bool complete_warp_operation(Thread& last);
  [[noreturn]] void report_stuck();

  std::vector<std::unique_ptr<Thread>> threads_;  // of the largest block so far
  std::vector<Warp> warps_;
  std::vector<uint32_t> order_;
  uint32_t count_ = 0;
  uint32_t unfinished_ = 0;
  dim3 index_, shape_;
  const KernelCall* call_ = nullptr;
  const Description* violation_ = nullptr;  // on the stack of the thread that was given up
};

/// What a warp operation computes, once all lanes have brought their part. `first` is the first
/// thread of the warp.
void compute_warp_operation(Block& block, uint32_t first, uint32_t mask, WarpCall call);
/// For messages: "__shfl_sync".
const char* name_of(WarpCall call);

}  // namespace cuda_on_host
