// Our kernels, cuBLAS and cuDNN for the dense passes of every layer: what the CUDA device chooses
// by (kernels/cuda/pass_choice.h, which says what the file holds).
#include <algorithm>
#include <cstdio>
#include <map>

#include "bench/common/result_file.h"
#include "bench/cuda/graph_timer.h"
#include "bench/cuda/machine_kernels.h"
#include "bench/cuda/options.h"
#include "kernels/device_memory.h"

namespace {

using namespace trady;
using namespace trady::bench;
using kernels::ConvShape;
using kernels::DeviceMemory;
using kernels::SliceKind;
using kernels::cuda::CudaBackend;
using kernels::cuda::VendorPasses;

/// Buffers of one layer, for all passes; random, and used over and over: between two layers of a
/// step data lie in the L2 cache where they fit.
struct LayerMemory {
  LayerMemory(const CudaBackend& device, const ConvShape& shape)
      : x(device, 4 * shape.in_elements()),
        y(device, 4 * shape.out_elements()),
        w(device, 4 * shape.weight_elements()),
        dw(device, 4 * shape.weight_elements()),
        bias(device, 4 * shape.out_c),
        channels(device, 4 * shape.in_c),
        mask(device, kernels::mask_bytes(shape.out_elements())),
        input_mask(device, kernels::mask_bytes(shape.in_elements())) {
    const auto fill = [&](const DeviceMemory& memory, int64_t count) {
      fill_random(static_cast<float*>(memory.data()), count, 1, device.stream());
    };
    fill(x, shape.in_elements());
    fill(y, shape.out_elements());
    fill(w, shape.weight_elements());
    fill(bias, shape.out_c);
    const std::vector<int32_t> all = spread_channels(shape.in_c, shape.in_c);
    device.upload(all.data(), 4 * shape.in_c, channels.data());
    const std::vector<uint8_t> bits(static_cast<size_t>(kernels::mask_bytes(shape.in_elements())),
                                    0x5A);
    device.upload(bits.data(), static_cast<int64_t>(bits.size()), input_mask.data());
  }
  DeviceMemory x, y, w, dw, bias, channels, mask, input_mask;
};

/// A pass of one implementation, bound to its buffers.
class Candidate {
 public:
  template <typename Pass, typename Run>
  Candidate(const CudaBackend& device, std::unique_ptr<Pass> pass, const Run& run) {
    if (!pass) return;
    const auto scratch = std::make_shared<DeviceMemory>(device, pass->scratch_bytes());
    const std::shared_ptr<const Pass> shared = std::move(pass);
    call_ = [shared, scratch, run](int) { run(*shared, scratch->data()); };
  }
  const DeviceCall& call() const { return call_; }  ///< empty: there is no such pass

 private:
  DeviceCall call_;
};

class LayerPasses {
 public:
  LayerPasses(const CudaBackend& device, const Vendor& cublas, const Vendor& cudnn,
              const LayerBenchOptions& options)
      : device_(device), cublas_(cublas), cudnn_(cudnn), options_(options) {}

  /// Appends one entry a pass.
  void measure(const Layer& layer, nlohmann::json& entries) const {
    const ConvShape& shape = layer.shape;
    const LayerMemory memory(device_, shape);
    const auto run_forward = [&memory, masked = layer.activation != kernels::Activation::none](
                                 const kernels::ConvForward& pass, void* scratch) {
      pass.run({.x = memory.x.data(),
                .w = memory.w.data(),
                .bias = memory.bias.data(),
                .y = memory.y.data(),
                .mask = masked ? static_cast<uint8_t*>(memory.mask.data()) : nullptr,
                .scratch = scratch});
    };
    entries.push_back(time(layer, "forward", [&](const auto& of) {
      return candidate(of.conv_forward(shape, layer.activation), run_forward);
    }));
    // With the mask of the activation below, as in most layers: who cannot apply it is followed by
    // the pass that does.
    const auto run_grad_input = [this, &memory, &shape](const kernels::ConvGradInput& pass,
                                                        void* scratch) {
      const auto* mask = static_cast<const uint8_t*>(memory.input_mask.data());
      pass.run({.dy = memory.y.data(),
                .w = memory.w.data(),
                .dx = memory.x.data(),
                .scratch = scratch,
                .mask = pass.masks_gradient() ? mask : nullptr},
               kernels::GradientMode::overwrite);
      if (!pass.masks_gradient()) device_.apply_mask(memory.x.data(), mask, shape.in_elements());
    };
    entries.push_back(time(layer, "grad_input", [&](const auto& of) {
      return candidate(of.conv_grad_input(shape), run_grad_input);
    }));
    // A quarter of the last each: a choice reaches counts of half and of twice what was measured.
    int64_t before = 0;
    for (int64_t count = shape.in_c; count != before; count = (count + 3) / 4) {
      before = count;
      const auto run_grad_weight = [&memory, count](const kernels::ConvGradWeight& pass,
                                                    void* scratch) {
        pass.run({.x = memory.x.data(),
                  .dy = memory.y.data(),
                  .channels = {static_cast<const int32_t*>(memory.channels.data()), count},
                  .dw = memory.dw.data(),
                  .scratch = scratch});
      };
      nlohmann::json entry = time(layer, "grad_weight", [&](const auto& of) {
        return candidate(of.conv_grad_weight(shape, SliceKind::input_channels, count),
                         run_grad_weight);
      });
      entry["slices"] = "input_channels";
      entry["channels"] = count;
      entries.push_back(std::move(entry));
    }
  }

 private:
  template <typename Pass, typename Run>
  Candidate candidate(std::unique_ptr<Pass> pass, const Run& run) const {
    return Candidate(device_, std::move(pass), run);
  }

  /// `make(of)`: the candidate of a backend or of a vendor's passes.
  template <typename Make>
  nlohmann::json time(const Layer& layer, const char* pass, const Make& make) const {
    nlohmann::json entry{{"pass", pass},         {"precision", options_.precision},
                         {"layer", layer.name},  {"shape", json_of(layer.shape)},
                         {"cublas_us", nullptr}, {"cudnn_us", nullptr}};
    std::vector<Side> sides;
    const auto add = [&](const char* key, const Candidate& candidate) {
      if (!candidate.call()) return;
      sides.push_back(replayed_side(key, device_, 1, candidate.call(), options_.round_us));
    };
    add("own_us", make(device_));
    if (cublas_.passes) add("cublas_us", make(*cublas_.passes));
    if (cudnn_.passes) add("cudnn_us", make(*cudnn_.passes));
    for (const TimedSide& timed : time_in_turn(sides, options_.rounds)) {
      entry[timed.name] = timed.quartiles.median;
    }
    return entry;
  }

  const CudaBackend& device_;
  const Vendor& cublas_;
  const Vendor& cudnn_;
  const LayerBenchOptions& options_;
};

/// Each network's time by implementation, and by the fastest of each layer.
void print_sums(const nlohmann::json& entries) {
  struct Sums {
    double own = 0, fastest = 0;
    int layers = 0, cublas = 0, cudnn = 0;
  };
  std::map<std::string, Sums> by_pass;
  for (const nlohmann::json& entry : entries) {
    Sums& sums = by_pass[entry.at("pass").get<std::string>()];
    const double own = entry.at("own_us").get<double>();
    const auto us = [&](const char* key) {
      return entry.at(key).is_null() ? own : entry.at(key).get<double>();
    };
    const double fastest = std::min({own, us("cublas_us"), us("cudnn_us")});
    sums.own += own;
    sums.fastest += fastest;
    ++sums.layers;
    if (us("cublas_us") < own) ++sums.cublas;
    if (us("cudnn_us") < own) ++sums.cudnn;
  }
  std::printf("%-12s %8s %10s %12s %16s %15s\n", "pass", "entries", "own us", "fastest us",
              "cuBLAS is faster", "cuDNN is faster");
  for (const auto& [pass, sums] : by_pass) {
    std::printf("%-12s %8d %10.1f %12.1f %16d %15d\n", pass.c_str(), sums.layers, sums.own,
                sums.fastest, sums.cublas, sums.cudnn);
  }
}

void run(const LayerBenchOptions& options, int argc, char** argv) {
  const auto precision = precision_of(options.precision);
  const auto device = own_kernels(precision);
  nlohmann::json result = provenance("cuda_passes", argc, argv, *device);
  const std::string isa = device->isa();  // "sm_90 NVIDIA H100 80GB HBM3, TF32"
  std::printf("%s\n", isa.c_str());
  const size_t space = isa.find(' '), comma = isa.find(',');
  result["gpu"] = {{"name", isa.substr(space + 1, comma - space - 1)},
                   {"architecture", isa.substr(0, space)}};
  const Vendor cublas = open_cublas(*device, precision);
  const Vendor cudnn = open_cudnn(*device, precision);
  result["versions"]["cublas"] = cublas.version;
  result["versions"]["cudnn"] = cudnn.version;
  result["settings"] = json_of(options);
  const LayerPasses passes(*device, cublas, cudnn, options);
  result["passes"] = nlohmann::json::array();
  std::vector<ConvShape> known;
  for (const std::string& network : options.networks) {
    for (const Layer& layer : layers_of(options, network)) {
      if (std::ranges::find(known, layer.shape) != known.end()) continue;
      known.push_back(layer.shape);
      passes.measure(layer, result["passes"]);
    }
  }
  print_sums(result["passes"]);
  write_result(options.out, result);
}

}  // namespace

int main(int argc, char** argv) {
  LayerBenchOptions options;
  options.round_us = 500;
  options.rounds = 7;
  CLI::App app{"Our kernels, cuBLAS and cuDNN, pass by pass: what the CUDA device chooses by"};
  add_layer_bench_options(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    run(options, argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_cuda_passes: %s\n", error.what());
    return 1;
  }
  return 0;
}
