#include <cstring>
#include <exception>
#include <memory>

#include "cuda_on_host/control.h"
#include "cuda_on_host/violation.h"
#include "handles.h"
#include "memory_map.h"
#include "operations.h"
#include "streams.h"
#include "tracker.h"

namespace cuda_on_host {
namespace {

constexpr size_t kMostDeviceBytes = size_t{4} << 30;
size_t device_memory_limit = kMostDeviceBytes;

enum class Home { pageable, pinned, device };

uintptr_t number(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

Home home_of(const void* pointer) {
  const MemoryMap& map = MemoryMap::instance();
  if (!in_region(number(pointer))) return Home::pageable;
  const Allocation* allocation = map.nearest(number(pointer));
  return allocation && allocation->pinned ? Home::pinned : Home::device;
}

/// One side of a copy, as an access of the operation that runs. Pageable memory is the caller's.
void check_side(Access kind, const void* pointer, size_t bytes) {
  if (in_region(number(pointer))) check_access(kind, number(pointer), bytes, kRuntimeAccessor);
}

void check_kind(const char* call, cudaMemcpyKind kind, const void* to, const void* from) {
  if (kind == cudaMemcpyDefault) return;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const auto check = [call](const char* side, bool device, const void* pointer) {
    if (device == (home_of(pointer) == Home::device)) return;
    throw Violation(std::string("[cuda_on_host] ") + call + ": its kind says that the " + side +
                    " is " + (device ? "device" : "host") + " memory, but it is in " +
                    MemoryMap::instance().describe(number(pointer)));
  };
  check("destination", to_device, to);
  check("source", from_device, from);
}

cudaError_t copy(const char* call, void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                 cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  check_kind(call, kind, to, from);
  const bool pageable = home_of(to) == Home::pageable || home_of(from) == Home::pageable;
  if (pageable && stream && stream_of(stream, call).capture) {
    throw Violation(std::string("[cuda_on_host] ") + call +
                    " from or to pageable memory in a capture: each replay would use it");
  }
  std::shared_ptr<std::string> staged;
  if (home_of(from) == Home::pageable) {
    staged = std::make_shared<std::string>(static_cast<const char*>(from), bytes);
  }
  submit(stream, call, [=] {
    check_side(Access::read, from, bytes);
    check_side(Access::write, to, bytes);
    std::memmove(to, staged ? staged->data() : from, bytes);
  });
  // As CUDA has it: a copy to pageable memory returns when it is complete.
  if (home_of(to) == Home::pageable) return cudaStreamSynchronize(stream);
  return cudaSuccess;
}

cudaError_t set_memory(const char* call, void* to, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (home_of(to) == Home::pageable) {
    throw Violation(std::string("[cuda_on_host] ") + call + " of pageable host memory");
  }
  submit(stream, call, [=] {
    check_side(Access::write, to, bytes);
    std::memset(to, value, bytes);
  });
  return cudaSuccess;
}

}  // namespace

void set_device_memory_limit(size_t bytes) {
  const std::lock_guard lock(device_mutex());
  device_memory_limit = std::min(bytes, kMostDeviceBytes);
}

}  // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  const std::lock_guard lock(device_mutex());
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (capture_forbids_other_calls()) return remember(cudaErrorStreamCaptureUnsupported);
  MemoryMap& map = MemoryMap::instance();
  if (bytes > device_memory_limit || map.device_bytes() > device_memory_limit - bytes) {
    return remember(cudaErrorMemoryAllocation);
  }
  *pointer = map.allocate(bytes, false);
  return remember(*pointer ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* pointer) {
  const std::lock_guard lock(device_mutex());
  if (!pointer) return cudaSuccess;
  if (capture_forbids_other_calls()) return remember(cudaErrorStreamCaptureUnsupported);
  // It waits for the device. A destructor that runs because of an error need not see another.
  if (std::uncaught_exceptions() > 0) {
    Operations::instance().drop_pending();
  } else {
    Operations::instance().wait_for_all();
  }
  MemoryMap::instance().release(pointer, false);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  const std::lock_guard lock(device_mutex());
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (capture_forbids_other_calls()) return remember(cudaErrorStreamCaptureUnsupported);
  if (bytes > kMostDeviceBytes) return remember(cudaErrorMemoryAllocation);
  *pointer = MemoryMap::instance().allocate(bytes, true);
  return remember(*pointer ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void* pointer) {
  const std::lock_guard lock(device_mutex());
  if (!pointer) return cudaSuccess;
  MemoryMap::instance().release(pointer, true);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const std::lock_guard lock(device_mutex());
  const cudaError_t status = copy("cudaMemcpy", to, from, bytes, kind, nullptr);
  return status == cudaSuccess ? cudaStreamSynchronize(nullptr) : status;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const std::lock_guard lock(device_mutex());
  return copy("cudaMemcpyAsync", to, from, bytes, kind, stream);
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  const std::lock_guard lock(device_mutex());
  return set_memory("cudaMemset", to, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  const std::lock_guard lock(device_mutex());
  return set_memory("cudaMemsetAsync", to, value, bytes, stream);
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  const std::lock_guard lock(device_mutex());
  const size_t used = MemoryMap::instance().device_bytes();
  *total_bytes = device_memory_limit;
  *free_bytes = device_memory_limit > used ? device_memory_limit - used : 0;
  return cudaSuccess;
}
