// The few calls of the CUDA runtime that hold and move device memory.
#include "kernels/cuda/device_memory.h"

#include <stdexcept>
#include <string>

#include "kernels/cuda/device/launch.cuh"

namespace trady::kernels::cuda {
namespace {

std::string in_mib(size_t bytes) {
  return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MiB";
}

}  // namespace

void* allocate_on_device(int64_t bytes) {
  if (bytes == 0) return nullptr;
  const auto size = static_cast<size_t>(bytes);
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, size);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it has been reported: later calls must not meet it again
    size_t free_bytes = 0, total_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for the free memory");
    throw std::runtime_error("[cuda] out of memory: " + in_mib(size) + " were asked for at once, " +
                             in_mib(free_bytes) + " of the GPU's " + in_mib(total_bytes) +
                             " are free; use a smaller micro-batch or a smaller budget, or end "
                             "other programs on this GPU");
  }
  check(status, "allocating memory");
  return memory;
}

void free_on_device(void* memory) noexcept {
  if (memory != nullptr) cudaFree(memory);  // an error of earlier work is told by wait_for
}

void copy_and_wait(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind,
                   cudaStream_t stream) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kind, stream), "copying");
  wait_for(stream);
}

void wait_for(cudaStream_t stream) {
  const cudaError_t status = cudaStreamSynchronize(stream);
  check(status, "a kernel or copy enqueued before (TRADY_SYNC=1 names it)");
}

}  // namespace trady::kernels::cuda
