#include "bench/cuda/machine_rates.h"

#include <algorithm>
#include <cstdio>

#include "bench/cuda/graph_timer.h"
#include "bench/cuda/machine_kernels.h"
#include "kernels/cuda/cublas_passes.h"
#include "kernels/device_memory.h"

namespace trady::bench {
namespace {

using kernels::DeviceMemory;
using kernels::cuda::CudaBackend;
using kernels::cuda::Precision;

class DeviceFloats {
 public:
  DeviceFloats(const CudaBackend& device, int64_t count) : memory_(device, 4 * count) {
    fill_random(data(), count, 1, device.stream());
  }
  float* data() const { return static_cast<float*>(memory_.data()); }

 private:
  DeviceMemory memory_;
};

double median_us(const CudaBackend& device, const DeviceCall& call, const RateSettings& settings) {
  const Side side = replayed_side("", device, 1, call, settings.round_us);
  return time_in_turn({side}, settings.rounds).front().quartiles.median;
}

void measure_bandwidth(const CudaBackend& device, const RateSettings& settings,
                       MeasuredRates& measured) {
  const int64_t floats = settings.copied_floats / kFloatsOfReader * kFloatsOfReader;
  const DeviceFloats from(device, floats), to(device, floats),
      sums(device, floats / kFloatsOfReader);
  const auto add = [&](const char* name, int64_t bytes, const DeviceCall& call) {
    const double rate = 1e6 * static_cast<double>(bytes) / median_us(device, call, settings);
    measured.details["bytes_per_second"][name] = rate;
    measured.rates.bytes_per_second = std::max(measured.rates.bytes_per_second, rate);
    std::printf("%-28s %8.0f GB/s\n", name, rate / 1e9);
  };
  const DeviceCall copy = [&](int) {
    copy_floats(from.data(), floats, to.data(), device.stream());
  };
  constexpr double kWarmUpMs = 300;
  warm_up(device, copy, kWarmUpMs);
  add("copying kernel", 8 * floats, copy);
  add("cudaMemcpy", 8 * floats, [&](int) { device.copy(from.data(), floats, to.data()); });
  add("reading kernel", 4 * floats,
      [&](int) { read_floats(from.data(), floats, sums.data(), device.stream()); });
}

/// y[rows, rows / 2] = x[rows, rows / 2] w: as a linear layer, by our kernels and by cuBLAS.
double measure_products(const CudaBackend& device, Precision precision, const char* name,
                        const RateSettings& settings, nlohmann::json& details) {
  const kernels::ConvShape shape{.batch = settings.matrix_rows,
                                 .in_c = settings.matrix_rows / 2,
                                 .out_c = settings.matrix_rows / 2};
  const DeviceFloats x(device, shape.in_elements()), w(device, shape.weight_elements()),
      bias(device, shape.out_c), y(device, shape.out_elements());
  double best = 0;
  const auto add = [&](const std::string& by, const kernels::ConvForward& pass) {
    const DeviceMemory scratch(device, pass.scratch_bytes());
    const double us = median_us(
        device,
        [&](int) {
          pass.run({.x = x.data(),
                    .w = w.data(),
                    .bias = bias.data(),
                    .y = y.data(),
                    .scratch = scratch.data()});
        },
        settings);
    const double rate = 1e6 * 2 * static_cast<double>(shape.multiply_adds()) / us;
    details["flops"][name][by] = rate;
    best = std::max(best, rate);
    std::printf("%-28s %8.1f TFLOP/s\n", (std::string(name) + ", " + by).c_str(), rate / 1e12);
  };
  add("own", *device.conv_forward(shape, kernels::Activation::none));
  if (const auto cublas = kernels::cuda::make_cublas_passes(precision, device.stream())) {
    if (const auto pass = cublas->conv_forward(shape, kernels::Activation::none)) {
      add("cuBLAS", *pass);
    }
  }
  return best;
}

}  // namespace

MeasuredRates measure_rates(const CudaBackend& tf32, const CudaBackend& fp32,
                            const RateSettings& settings) {
  MeasuredRates measured;
  measure_bandwidth(tf32, settings, measured);
  measured.rates.tf32_flops =
      measure_products(tf32, Precision::tf32, "tf32", settings, measured.details);
  measured.rates.fp32_flops =
      measure_products(fp32, Precision::fp32, "fp32", settings, measured.details);
  constexpr int kNodes = 500;
  const Side side = replayed_side(
      "", tf32, kNodes, [&](int) { do_nothing(tf32.stream()); }, settings.round_us);
  measured.rates.empty_node_us = time_in_turn({side}, settings.rounds).front().quartiles.median;
  std::printf("%-28s %8.2f us\n", "empty node of a graph", measured.rates.empty_node_us);
  measured.details["best"] = json_of(measured.rates);
  return measured;
}

}  // namespace trady::bench
