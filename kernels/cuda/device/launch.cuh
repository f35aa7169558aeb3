// The one way to start a kernel. `<<<>>>` is not used: g++ cannot parse it, and errors are checked
// in this one place.
#pragma once

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels/cuda/device/runtime.cuh"
#include "kernels/trace.h"

namespace trady::kernels::cuda {

struct Launch {
  const char* name = "";  ///< the kernel, in errors
  dim3 grid, block;
  size_t shared_bytes = 0;  ///< all shared memory is dynamic: see shared_memory.cuh
  cudaStream_t stream = nullptr;
};

/// "[cuda] block3.expand, grad_weight: copy: cudaErrorX, ..." with the labels that are open.
[[noreturn]] inline void throw_error(cudaError_t status, const std::string& what) {
  const std::string labels = open_labels();
  throw std::runtime_error("[cuda] " + labels + (labels.empty() ? "" : ": ") + what + ": " +
                           cudaGetErrorName(status) + ", " + cudaGetErrorString(status));
}

/// Error that names `what` unless `status` is success.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw_error(status, what);
}

/// Likewise names the kernel.
inline void check(cudaError_t status, const Launch& launch) {
  if (status != cudaSuccess) throw_error(status, std::string("kernel ") + launch.name);
}

/// Whether the environment asks to wait for every kernel (TRADY_SYNC=1), so that an error is told
/// by the kernel that made it.
inline bool waits_for_every_kernel() {
  static const bool waits = [] {
    const char* value = std::getenv("TRADY_SYNC");
    return value != nullptr && std::strcmp(value, "1") == 0;
  }();
  return waits;
}

/// Under TRADY_SYNC=1 waits for `launch`; not while its stream records a graph, where nothing runs.
inline void wait_if_asked(const Launch& launch) {
  if (!waits_for_every_kernel()) return;
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(launch.stream, &capturing), launch);
  if (capturing == cudaStreamCaptureStatusNone) {
    check(cudaStreamSynchronize(launch.stream), launch);
  }
}

/// Enqueues kernel(args...) on launch.stream. Nothing is launched for an empty grid.
template <typename... Parameters, typename... Args>
void launch(const Launch& launch, void (*kernel)(Parameters...), Args... args) {
  if (launch.grid.x == 0 || launch.grid.y == 0 || launch.grid.z == 0) return;
#ifdef __CUDACC__
  constexpr size_t kWithoutOptIn = 48 << 10;
  if (launch.shared_bytes > kWithoutOptIn) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(launch.shared_bytes)),
          launch);
  }
  cudaLaunchConfig_t config{};
  config.gridDim = launch.grid;
  config.blockDim = launch.block;
  config.dynamicSmemBytes = launch.shared_bytes;
  config.stream = launch.stream;
  check(cudaLaunchKernelEx(&config, kernel, Parameters(args)...), launch);
#else
  cuda_on_host::launch({launch.name, launch.grid, launch.block, launch.shared_bytes, launch.stream},
                       kernel, Parameters(args)...);
#endif
  wait_if_asked(launch);
}

}  // namespace trady::kernels::cuda
