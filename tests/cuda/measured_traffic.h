// Bytes that primitives count and bytes that their kernels touch, on the host execution.
#pragma once

#include "cuda_on_host/control.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/work_counters.h"

namespace trady::testing {

struct Measured {
  kernels::WorkTotals counted;  ///< by the launchers
  int64_t touched = 0;          ///< bytes that its kernels read and wrote, each once a kernel
};

template <typename Run>
Measured measure(const kernels::cuda::CudaBackend& cuda, const Run& run) {
  cuda.synchronize();
  const kernels::WorkTotals before = kernels::work_counters().snapshot();
  cuda_on_host::count_traffic(true);
  run();
  cuda.synchronize();
  cuda_on_host::count_traffic(false);
  const auto traffic = cuda_on_host::traffic();
  return {kernels::work_counters().snapshot() - before,
          static_cast<int64_t>(traffic.bytes_read + traffic.bytes_written)};
}

}  // namespace trady::testing
