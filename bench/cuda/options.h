// Options and set-up that the CUDA layer benches share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/cuda/layers.h"
#include "bench/cuda/machine_rates.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/vendor_passes.h"

namespace trady::bench {

struct LayerBenchOptions {
  std::vector<std::string> networks = {"mbv2-w0.35", "mcunet-5fps", "proxyless-w0.3"};
  int64_t image_size = 0;
  int64_t batch = 128;
  std::string precision = "tf32";
  int rounds = 11;
  double round_us = 1000;
  int most_layers = 0;  ///< of each network; 0: all
  std::string out;
};
void add_layer_bench_options(CLI::App& app, LayerBenchOptions& options);
nlohmann::json json_of(const LayerBenchOptions& options);

/// layers_of(), and no more of them than the options say.
std::vector<Layer> layers_of(const LayerBenchOptions& options, const std::string& network);

/// Our kernels on the first GPU, whatever committed measurements choose. Errors are those of
/// make_cuda_backend.
std::unique_ptr<kernels::cuda::CudaBackend> own_kernels(kernels::cuda::Precision precision);
/// Error for another word than tf32 and fp32.
kernels::cuda::Precision precision_of(const std::string& word);

/// A vendor's passes on the stream of `device`; null where they are not built in, and then, as
/// where they cannot start, a line says so.
struct Vendor {
  std::unique_ptr<kernels::cuda::VendorPasses> passes;
  std::string version;  ///< or "not built in", or why it cannot start
};
Vendor open_cublas(const kernels::cuda::CudaBackend& device, kernels::cuda::Precision precision);
Vendor open_cudnn(const kernels::cuda::CudaBackend& device, kernels::cuda::Precision precision);

}  // namespace trady::bench
