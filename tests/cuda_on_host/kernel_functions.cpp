// What kernels call: barriers, shared memory, wide accesses and asynchronous copies.
#include <algorithm>

#include "block.h"
#include "cuda_on_host/async_copy.h"
#include "cuda_on_host/launch.h"
#include "cuda_on_host/synchronization.h"
#include "cuda_on_host/vector_access.h"
#include "instrumentation.h"
#include "memory_map.h"
#include "report.h"
#include "tracker.h"

using cuda_on_host::LibraryScope;
using cuda_on_host::thread_of_kernel;

void __syncthreads(std::source_location where) {
  const LibraryScope scope;
  cuda_on_host::Thread& thread = thread_of_kernel("__syncthreads");
  thread.block->wait_at_barrier(thread, where);
}

void __syncwarp(unsigned mask, std::source_location where) {
  const LibraryScope scope;
  cuda_on_host::Thread& thread = thread_of_kernel("__syncwarp");
  cuda_on_host::WarpOperation operation;
  operation.call = cuda_on_host::WarpCall::syncwarp;
  operation.mask = mask;
  operation.where = where;
  thread.block->join_warp_operation(thread, operation);
}

namespace cuda_on_host {
namespace {

uintptr_t number(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

/// Moves the data of one copy; both sides are accesses of the thread, now.
void arrive(const Thread& thread, const AsyncCopy& copy) {
  if (copy.valid) {
    check_kernel_access(Access::read, copy.global, copy.bytes, copy.bytes, thread);
  }
  set_arrived(copy.shared, copy.bytes);
  check_access(Access::write, copy.shared, copy.bytes, thread.accessor);
  auto* to = reinterpret_cast<unsigned char*>(copy.shared);
  if (copy.valid) {
    std::copy_n(reinterpret_cast<const unsigned char*>(copy.global), copy.bytes, to);
  } else {
    std::fill_n(to, copy.bytes, static_cast<unsigned char>(0));
  }
}

void start_copy(const void* shared, const void* global, size_t bytes, bool valid) {
  const LibraryScope scope;
  Thread& thread = thread_of_kernel("cp.async");
  if (valid) check_kernel_access(Access::read, number(global), bytes, bytes, thread);
  check_kernel_access(Access::write, number(shared), bytes, bytes, thread);
  const MemoryMap& map = MemoryMap::instance();
  if (number(shared) - map.shared_start() >= map.shared_bytes()) {
    report([&] {
      return "cp.async to " + map.describe(number(shared)) + ": it copies to shared memory only";
    });
  }
  set_pending(number(shared), bytes);
  thread.async_copies.push_back({number(shared), number(global), bytes, valid, thread.async_group});
}

}  // namespace

void* shared_memory(size_t bytes) {
  const LibraryScope scope;
  thread_of_kernel("shared_memory");
  const MemoryMap& map = MemoryMap::instance();
  if (bytes != map.shared_bytes()) {
    report([&] {
      return "asks for " + std::to_string(bytes) + " bytes of shared memory, but the launch gave " +
             std::to_string(map.shared_bytes());
    });
  }
  return reinterpret_cast<void*>(map.shared_start());
}

float4 load4(const float* from) {
  const LibraryScope scope;
  check_kernel_access(Access::read, number(from), 16, 16, thread_of_kernel("load4"));
  return {from[0], from[1], from[2], from[3]};
}

void store4(float* to, float4 value) {
  const LibraryScope scope;
  check_kernel_access(Access::write, number(to), 16, 16, thread_of_kernel("store4"));
  to[0] = value.x;
  to[1] = value.y;
  to[2] = value.z;
  to[3] = value.w;
}

void async_copy16(void* shared, const void* global, bool valid) {
  start_copy(shared, global, 16, valid);
}

void async_copy4(void* shared, const void* global, bool valid) {
  start_copy(shared, global, 4, valid);
}

void async_commit() {
  const LibraryScope scope;
  ++thread_of_kernel("async_commit").async_group;
}

void async_wait(int pending) {
  const LibraryScope scope;
  Thread& thread = thread_of_kernel("async_wait");
  const uint32_t allowed = static_cast<uint32_t>(std::max(pending, 0));
  // Copies that were never committed belong to a group that no wait reaches.
  const uint32_t end = thread.async_group > allowed ? thread.async_group - allowed : 0;
  std::vector<AsyncCopy>& copies = thread.async_copies;
  const auto late = std::find_if(copies.begin(), copies.end(),
                                 [end](const AsyncCopy& copy) { return copy.group >= end; });
  for (auto copy = copies.begin(); copy != late; ++copy) arrive(thread, *copy);
  copies.erase(copies.begin(), late);
}

}  // namespace cuda_on_host
