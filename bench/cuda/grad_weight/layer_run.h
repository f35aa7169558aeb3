// One layer's weight gradients at several sparsities, each way in turn.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/common/paired_timer.h"
#include "bench/cuda/layers.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/vendor_passes.h"

namespace trady::bench {

/// Who can be measured; null: not built in.
struct Contestants {
  const kernels::cuda::CudaBackend* own = nullptr;
  const kernels::cuda::VendorPasses* cublas = nullptr;
  const kernels::cuda::VendorPasses* cudnn = nullptr;
};

struct LayerSettings {
  int rounds = 11;
  double round_us = 1000;
  int64_t most_bytes = int64_t{16} << 30;  ///< of device memory for one layer's buffers
};

// Names of the ways, keys of RowTimes::us.
constexpr const char* kOwn = "own";                      ///< the packed gradient
constexpr const char* kOwnPacking = "own_with_packing";  ///< packing x first
constexpr const char* kOwnWarm = "own_l2_warm";          ///< on the same buffers every time
constexpr const char* kCublasGather = "cublas_with_gather";
constexpr const char* kCudnnDense = "cudnn_dense";
constexpr const char* kCudnnDenseWarm = "cudnn_dense_l2_warm";

struct RowTimes {
  double sparsity = 0;
  int64_t channels = 0;
  std::map<std::string, Quartiles> us;  ///< of the ways that the layer has
  /// || own - cuDNN ||^2 / || cuDNN ||^2 over the listed channels; negative: there is no cuDNN.
  double nmse_to_cudnn = -1;
};

struct LayerRun {
  int buffer_sets = 1;  ///< that the ways (but for the warm ones) rotate over
  std::vector<RowTimes> rows;
};

/// Sparsities that leave equally many channels are measured once, as the first of them. Random x
/// and dy. Throws what the device throws.
LayerRun run_layer(const Contestants& contestants, const Layer& layer,
                   const std::vector<double>& sparsities, const LayerSettings& settings);

}  // namespace trady::bench
