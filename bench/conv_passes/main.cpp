// Forward and grad_input of every conv of a network: the CPU backend's choice beside oneDNN. These
// are the numbers behind that choice. Both on one thread, each with the weight layout that it
// wants.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "bench/common/result_file.h"
#include "bench/layer_timing.h"
#include "kernels/backend.h"
#include "kernels/cpu/onednn_passes.h"
#include "models/registry.h"

namespace {

using namespace trady;
using bench::PairedTime;
using bench::TestFloats;

struct Settings {
  std::string model = "mbv2-w0.35";
  int64_t image_size = 128;
  std::vector<int64_t> batches = {1, 2, 4};
  int rounds = 15;
  std::string out;
};

/// What one side of all layers asks for.
struct Memory {
  int64_t prepared_bytes = 0;  ///< sum of the weight copies
  int64_t scratch_bytes = 0;   ///< largest
};

struct Totals {
  std::map<std::string, std::array<PairedTime, 2>> by_family;  ///< forward, grad_input
  Memory ours, onednn;
};

/// The plain weight, or `pass`'s copy of it.
template <typename Pass>
const float* weight_for(const Pass& pass, TestFloats& plain, TestFloats& prepared) {
  if (pass.prepared_weight_bytes() == 0) return plain.data();
  pass.prepare_weight(plain.data(), prepared.data());
  return prepared.data();
}

template <typename Pass>
void count_memory(const Pass& pass, Memory& memory) {
  memory.prepared_bytes += pass.prepared_weight_bytes();
  memory.scratch_bytes = std::max(memory.scratch_bytes, pass.scratch_bytes());
}

std::string family_of(const kernels::ConvShape& shape) {
  if (shape.depthwise) return "depthwise";
  if (shape.kernel > 1) return "k x k";
  return shape.out_c > shape.in_c ? "pointwise, widening" : "pointwise, narrowing";
}

/// {forward, grad_input}
std::array<PairedTime, 2> measure(const kernels::Backend& device, const kernels::ConvShape& shape,
                                  int rounds, Totals& totals) {
  constexpr auto kActivation = kernels::Activation::relu6;
  TestFloats x(shape.in_elements()), y(shape.out_elements()), w(shape.weight_elements()),
      bias(shape.out_c);
  const auto measure_pair = [&](const auto& ours, const auto& other, const auto& run) {
    TestFloats our_weight(ours->prepared_weight_bytes() / 4),
        our_scratch(ours->scratch_bytes() / 4);
    TestFloats weight(other->prepared_weight_bytes() / 4), scratch(other->scratch_bytes() / 4);
    count_memory(*ours, totals.ours);
    count_memory(*other, totals.onednn);
    const float* our_w = weight_for(*ours, w, our_weight);
    const float* other_w = weight_for(*other, w, weight);
    return bench::time_in_turn([&] { run(*ours, our_w, our_scratch.data()); },
                               [&] { run(*other, other_w, scratch.data()); }, rounds, 200.0);
  };
  const PairedTime forward = measure_pair(
      device.conv_forward(shape, kActivation),
      kernels::cpu::make_onednn_forward(shape, kActivation, kernels::cpu::Clipping::fused),
      [&](const kernels::ConvForward& pass, const float* weight, float* scratch) {
        pass.run({x.data(), weight, bias.data(), nullptr, y.data(), nullptr, scratch});
      });
  const PairedTime grad_input = measure_pair(
      device.conv_grad_input(shape), kernels::cpu::make_onednn_grad_input(shape),
      [&](const kernels::ConvGradInput& pass, const float* weight, float* scratch) {
        pass.run({y.data(), weight, x.data(), scratch}, kernels::GradientMode::overwrite);
      });
  return {forward, grad_input};
}

nlohmann::json json_of(const Memory& memory) {
  return {{"prepared_weight_bytes", memory.prepared_bytes},
          {"largest_scratch_bytes", memory.scratch_bytes}};
}

/// {"batch", "layers": [...], "families": {...}, "memory"}; the same as lines of a table.
nlohmann::json report(const kernels::Backend& device, const Network& network, int64_t batch,
                      int rounds) {
  Totals totals;
  nlohmann::json layers = nlohmann::json::array();
  std::printf("batch %d\n%4s %-22s %11s %5s %3s | %19s | %19s\n", static_cast<int>(batch), "conv",
              "name", "input", "C'", "k", "forward us, oneDNN", "grad_input, oneDNN");
  for (const ConvLayer& layer : network.tape.convs()) {
    kernels::ConvShape shape = layer.shape;
    shape.batch = batch;
    const auto times = measure(device, shape, rounds, totals);
    auto& sums = totals.by_family[family_of(shape)];
    auto& network_sums = totals.by_family["all convs"];
    for (size_t pass = 0; pass < 2; ++pass) {
      for (auto* sum : {&sums[pass], &network_sums[pass]}) sum->add(times[pass]);
    }
    nlohmann::json entry = bench::json_of(layer);
    entry.update({{"forward", bench::json_of(times[0])}, {"grad_input", bench::json_of(times[1])}});
    layers.push_back(std::move(entry));
    std::printf("%4d %-22s %11s %5d %3d | %9.1f %9.1f | %9.1f %9.1f\n", layer.index,
                layer.name.c_str(), bench::input_text(shape).c_str(), static_cast<int>(shape.out_c),
                static_cast<int>(shape.kernel), times[0].ours_us, times[0].other_us,
                times[1].ours_us, times[1].other_us);
  }
  nlohmann::json families;
  for (const auto& [family, sums] : totals.by_family) {
    families[family] = {{"forward", bench::json_of(sums[0])},
                        {"grad_input", bench::json_of(sums[1])}};
    std::printf(
        "batch %d, %-22s forward %8.1f against %8.1f us, grad_input %8.1f against %8.1f us\n",
        static_cast<int>(batch), family.c_str(), sums[0].ours_us, sums[0].other_us, sums[1].ours_us,
        sums[1].other_us);
  }
  const auto print_memory = [&](const char* side, const Memory& memory) {
    std::printf("batch %d, %s: %lld bytes of prepared weights, %lld bytes of scratch\n",
                static_cast<int>(batch), side, static_cast<long long>(memory.prepared_bytes),
                static_cast<long long>(memory.scratch_bytes));
  };
  print_memory("ours", totals.ours);
  print_memory("oneDNN", totals.onednn);
  std::puts("");
  return {{"batch", batch},
          {"layers", std::move(layers)},
          {"families", std::move(families)},
          {"memory", {{"ours", json_of(totals.ours)}, {"onednn", json_of(totals.onednn)}}}};
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"Forward and grad_input against oneDNN, layer by layer"};
  app.add_option("--model", settings.model, "Network")->capture_default_str();
  app.add_option("--image-size", settings.image_size, "Pixels a side")->capture_default_str();
  app.add_option("--batch", settings.batches, "Micro-batches to measure")->capture_default_str();
  app.add_option("--rounds", settings.rounds, "Rounds of the two sides")->capture_default_str();
  app.add_option("--out", settings.out, "JSON file to write");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto device = kernels::make_cpu_backend();
    if (kernels::cpu::make_onednn_grad_input({}) == nullptr) {
      std::puts("SKIP: this build has no oneDNN to compare with");
      return 0;
    }
    NetworkOptions options;
    options.image_size = settings.image_size;
    const Network network = models::build(settings.model, options);
    std::printf("%s at %d px, one thread, %s\n", settings.model.c_str(),
                static_cast<int>(settings.image_size), device->isa().c_str());
    nlohmann::json result = bench::provenance("conv_passes", argc, argv, *device);
    result["settings"] = {{"model", settings.model},
                          {"image_size", settings.image_size},
                          {"rounds", settings.rounds},
                          {"threads", 1}};
    for (const int64_t batch : settings.batches) {
      result["batches"].push_back(report(*device, network, batch, settings.rounds));
    }
    bench::write_result(settings.out, result);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
