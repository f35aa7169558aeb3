// Measures what this GPU can do at most.
#pragma once

#include <nlohmann/json.hpp>

#include "bench/cuda/work_floor.h"
#include "kernels/cuda/cuda_backend.h"

namespace trady::bench {

struct RateSettings {
  int64_t copied_floats = int64_t{1} << 28;  ///< many times the L2 cache
  int64_t matrix_rows = 8192;                ///< of products with square weights of half as many
  int rounds = 9;
  double round_us = 5000;
};

struct MeasuredRates {
  MachineRates rates;
  nlohmann::json details;  ///< each way that was measured, of which `rates` has the best
};

/// Bandwidth by cudaMemcpy, a copying and a reading kernel; the rate of matrix products by our own
/// forward pass and, where built in, by cuBLAS; the time of a node by a graph of empty kernels.
/// `tf32` and `fp32` are devices of those precisions. Medians; needs about 10 bytes of memory a
/// copied float.
MeasuredRates measure_rates(const kernels::cuda::CudaBackend& tf32,
                            const kernels::cuda::CudaBackend& fp32, const RateSettings& settings);

}  // namespace trady::bench
