#include <cstdio>

#include "cuda_on_host/control.h"
#include "cuda_on_host/runtime_api.h"
#include "handles.h"
#include "memory_map.h"
#include "operations.h"

namespace cuda_on_host {
namespace {

constexpr int kMajor = 9, kMinor = 0;
constexpr int kMultiprocessors = 4;
constexpr int kCacheBytes = 1 << 20;
constexpr int kVersion = 13000;

thread_local cudaError_t last_error = cudaSuccess;
cudaError_t device_error = cudaSuccess;

}  // namespace

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

size_t count_live_handles() {
  return Handles<Stream>::instance().count() + Handles<Event>::instance().count() +
         Handles<Graph>::instance().count() + Handles<GraphExecutable>::instance().count();
}

void set_device_error(cudaError_t error) {
  const std::lock_guard lock(device_mutex());
  device_error = error;
}

cudaError_t set_function_attribute(cudaFuncAttribute attribute, int value) {
  const bool known = attribute == cudaFuncAttributeMaxDynamicSharedMemorySize;
  const bool possible = value >= 0 && static_cast<size_t>(value) <= kLargestSharedBytes;
  return remember(known && possible ? cudaSuccess : cudaErrorInvalidValue);
}

}  // namespace cuda_on_host

using cuda_on_host::remember;

cudaError_t cudaGetLastError() {
  const cudaError_t error = cuda_on_host::last_error;
  cuda_on_host::last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  return cuda_on_host::last_error;
}

cudaError_t cudaGetDeviceCount(int* count) {
  const std::lock_guard lock(cuda_on_host::device_mutex());
  *count = cuda_on_host::device_error == cudaSuccess ? 1 : 0;
  return remember(cuda_on_host::device_error);
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return remember(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return remember(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "CUDA on the host");
  properties->major = cuda_on_host::kMajor;
  properties->minor = cuda_on_host::kMinor;
  properties->multiProcessorCount = cuda_on_host::kMultiprocessors;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->l2CacheSize = cuda_on_host::kCacheBytes;
  properties->sharedMemPerBlock = 48 << 10;
  properties->sharedMemPerBlockOptin = cuda_on_host::kLargestSharedBytes;
  properties->sharedMemPerMultiprocessor = cuda_on_host::kLargestSharedBytes + (1 << 10);
  size_t free_bytes = 0;
  return cudaMemGetInfo(&free_bytes, &properties->totalGlobalMem);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  const cudaError_t status = cudaGetDeviceProperties(&properties, device);
  if (status != cudaSuccess) return status;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      return cudaSuccess;
    case cudaDevAttrL2CacheSize:
      *value = properties.l2CacheSize;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(properties.sharedMemPerMultiprocessor);
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(properties.sharedMemPerBlockOptin);
      return cudaSuccess;
  }
  return remember(cudaErrorInvalidValue);
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = cuda_on_host::kVersion;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = cuda_on_host::kVersion;
  return cudaSuccess;
}
