// What a test may set, and what it may ask for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda_on_host/runtime_api.h"

namespace cuda_on_host {

/// In which order the threads of a block, and the blocks of a grid, run.
enum class Order { forward, reverse, random };

/// Holds for what is executed from now on. The seed also orders the items of streams, which always
/// run in a random order that stream order and events permit. At the start: forward and 0, or the
/// environment variable CUDA_ON_HOST_SCHEDULE, e.g. "reverse" or "random:7".
void set_schedule(Order order, uint64_t seed = 0);
/// Back to what it was at the start.
void set_schedule_of_environment();

/// cudaMalloc fails with cudaErrorMemoryAllocation beyond this many live bytes; 4 GiB at the start,
/// which is also the most.
void set_device_memory_limit(size_t bytes);

/// cudaGetDeviceCount answers with this error and no device, until cudaSuccess is set: a machine
/// without a GPU, or with too old a driver.
void set_device_error(cudaError_t error);

/// While on, cudaStreamSynchronize answers a broken rule as a GPU does, with
/// cudaErrorIllegalAddress, and does not throw the Violation that says which.
void set_faults_as_errors(bool on);

/// Allocations that nobody has freed yet: of cudaMalloc and of cudaMallocHost.
size_t live_allocations();

/// Streams, events, graphs and instantiated graphs that nobody has destroyed yet.
size_t live_handles();

/// Loads and stores of kernels checked so far.
uint64_t checked_accesses();

/// Bytes of device memory that kernels touched: one that a launch reads often counts once, one that
/// it reads and writes counts in both; atomics do both.
struct Traffic {
  uint64_t bytes_read = 0, bytes_written = 0;
};
/// Counts the kernels that run from now on, from zero; or no longer.
void count_traffic(bool on);
Traffic traffic();

}  // namespace cuda_on_host
