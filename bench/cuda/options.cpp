#include "bench/cuda/options.h"

#include <cstdio>
#include <functional>

#include "engine/error.h"
#include "kernels/cuda/cublas_passes.h"
#include "kernels/cuda/cudnn_passes.h"

namespace trady::bench {
namespace {

using kernels::cuda::Precision;
using kernels::cuda::VendorPasses;

Vendor open(const char* name, const std::function<std::unique_ptr<VendorPasses>()>& make) {
  Vendor vendor;
  try {
    vendor.passes = make();
    vendor.version = vendor.passes ? vendor.passes->version() : "not built in";
  } catch (const std::exception& error) {
    vendor.version = error.what();
  }
  std::printf("%s: %s\n", name, vendor.version.c_str());
  return vendor;
}

}  // namespace

void add_layer_bench_options(CLI::App& app, LayerBenchOptions& options) {
  app.add_option("--networks", options.networks,
                 "Whose layers to measure, e.g. mbv2-w0.35,resnet-50")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--image-size", options.image_size, "Pixels a side (0: 128, resnet-50 224)")
      ->capture_default_str();
  app.add_option("--batch", options.batch, "Images")->capture_default_str();
  app.add_option("--precision", options.precision, "Of matrix products: tf32 or fp32")
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of all sides")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--round-us", options.round_us, "Microseconds of a round, about")
      ->capture_default_str();
  app.add_option("--most-layers", options.most_layers, "Of each network (0: all)")
      ->capture_default_str();
  app.add_option("--out", options.out, "JSON file to write");
}

nlohmann::json json_of(const LayerBenchOptions& options) {
  return {{"networks", options.networks},
          {"image_size", options.image_size},
          {"batch", options.batch},
          {"precision", options.precision},
          {"rounds", options.rounds},
          {"round_us", options.round_us},
          {"most_layers", options.most_layers}};
}

std::vector<Layer> layers_of(const LayerBenchOptions& options, const std::string& network) {
  std::vector<Layer> layers = layers_of(network, options.image_size, options.batch);
  const auto most = static_cast<size_t>(options.most_layers);
  if (most > 0 && layers.size() > most) layers.resize(most);
  return layers;
}

std::unique_ptr<kernels::cuda::CudaBackend> own_kernels(Precision precision) {
  return kernels::cuda::make_cuda_backend(
      {.precision = precision, .only = kernels::cuda::Implementation::own});
}

Precision precision_of(const std::string& word) {
  if (word == "tf32") return Precision::tf32;
  if (word == "fp32") return Precision::fp32;
  fail("--precision ", word, ": there are tf32 and fp32");
}

Vendor open_cublas(const kernels::cuda::CudaBackend& device, Precision precision) {
  return open("cuBLAS",
              [&] { return kernels::cuda::make_cublas_passes(precision, device.stream()); });
}

Vendor open_cudnn(const kernels::cuda::CudaBackend& device, Precision precision) {
  return open("cuDNN",
              [&] { return kernels::cuda::make_cudnn_passes(precision, device.stream()); });
}

}  // namespace trady::bench
