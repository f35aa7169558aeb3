// The packed weight gradient of a share of the channels, packing included, beside oneDNN's dense
// weight gradient of the same layer: one line a layer of a network, and the ratio of the sums.
// Both on one thread. oneDNN keeps its result in the layout that it likes best.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/common/result_file.h"
#include "bench/layer_timing.h"
#include "kernels/backend.h"
#include "kernels/cpu/dense_grad_weight.h"
#include "models/registry.h"

namespace {

using namespace trady;
using bench::TestFloats;

struct Settings {
  std::string model = "mbv2-w0.35";
  int64_t image_size = 128;
  std::vector<int64_t> batches = {1, 2, 32};
  double share = 0.05;
  int first_of_tail = 13;  ///< of TraDy's pool in mbv2-w0.35 (docs/method.md section 9)
  int rounds = 15;
  std::string out;
};

/// max(1, round(share * channels)) channels, evenly spread: neighbours would share cache lines.
std::vector<int32_t> chosen_channels(int64_t channels, double share) {
  const auto count = std::max<int64_t>(1, std::lround(share * static_cast<double>(channels)));
  std::vector<int32_t> list;
  for (int64_t j = 0; j < count; ++j) {
    list.push_back(static_cast<int32_t>((2 * j + 1) * channels / (2 * count)));
  }
  return list;
}

struct LayerResult {
  bench::PairedTime time;
  int64_t count;
  std::string onednn;
};

LayerResult measure(const kernels::Backend& device, const kernels::ConvShape& shape,
                    const Settings& settings) {
  const std::vector<int32_t> list = chosen_channels(shape.in_c, settings.share);
  const auto count = static_cast<int64_t>(list.size());
  const kernels::ChannelList channels{list.data(), count};
  const auto sliced = device.conv_grad_weight(shape, kernels::SliceKind::input_channels, count);
  const auto dense = kernels::cpu::make_dense_grad_weight_onednn(shape);
  TestFloats x(shape.in_elements()), dy(shape.out_elements());
  TestFloats packed(shape.in_positions() * count), dw(shape.weights_per_input_channel() * count),
      scratch(sliced->scratch_bytes() / 4);
  TestFloats dense_dw(dense->weight_gradient_bytes() / 4),
      dense_scratch(dense->scratch_bytes() / 4);
  const auto time = bench::time_in_turn(
      [&] {
        device.pack_channels(x.data(), shape.in_positions(), shape.in_c, channels, packed.data());
        sliced->run({packed.data(), dy.data(), channels, dw.data(), scratch.data()});
      },
      [&] { dense->run(x.data(), dy.data(), dense_dw.data(), dense_scratch.data()); },
      settings.rounds, 200.0);
  return {time, count, dense->implementation()};
}

/// {"batch", "layers": [...], "all_convs", "tail_convs"}; the same as lines of a table.
nlohmann::json report(const kernels::Backend& device, const Network& network, int64_t batch,
                      const Settings& settings) {
  std::printf("batch %d\n%4s %-22s %11s %5s %3s %3s %9s %9s %6s  %s\n", static_cast<int>(batch),
              "conv", "name", "input", "C'", "k", "n", "ours us", "dense us", "ratio",
              "oneDNN's kernel");
  bench::PairedTime all, tail;
  nlohmann::json layers = nlohmann::json::array();
  for (const ConvLayer& layer : network.tape.convs()) {
    kernels::ConvShape shape = layer.shape;
    shape.batch = batch;
    const LayerResult result = measure(device, shape, settings);
    all.add(result.time);
    if (layer.index >= settings.first_of_tail) tail.add(result.time);
    nlohmann::json entry = bench::json_of(layer);
    entry.update(bench::json_of(result.time));
    entry.update({{"channels", result.count}, {"onednn", result.onednn}});
    layers.push_back(std::move(entry));
    std::printf("%4d %-22s %11s %5d %3d %3d %9.1f %9.1f %6.3f  %s\n", layer.index,
                layer.name.c_str(), bench::input_text(shape).c_str(), static_cast<int>(shape.out_c),
                static_cast<int>(shape.kernel), static_cast<int>(result.count), result.time.ours_us,
                result.time.other_us, result.time.ours_us / result.time.other_us,
                result.onednn.c_str());
  }
  std::printf("batch %d, all convs: %.1f against %.1f us, ratio %.3f (1/%.1f)\n",
              static_cast<int>(batch), all.ours_us, all.other_us, all.ours_us / all.other_us,
              all.other_us / all.ours_us);
  std::printf("batch %d, convs from %d: %.1f against %.1f us, ratio %.3f (1/%.1f)\n\n",
              static_cast<int>(batch), settings.first_of_tail, tail.ours_us, tail.other_us,
              tail.ours_us / tail.other_us, tail.other_us / tail.ours_us);
  return {{"batch", batch},
          {"layers", std::move(layers)},
          {"all_convs", bench::json_of(all)},
          {"tail_convs", bench::json_of(tail)}};
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"Packed weight gradients against oneDNN's dense ones, layer by layer"};
  app.add_option("--model", settings.model, "Network")->capture_default_str();
  app.add_option("--image-size", settings.image_size, "Pixels a side")->capture_default_str();
  app.add_option("--batch", settings.batches, "Micro-batches to measure")->capture_default_str();
  app.add_option("--share", settings.share, "Share of each layer's input channels")
      ->capture_default_str();
  app.add_option("--tail", settings.first_of_tail, "First conv of the second ratio")
      ->capture_default_str();
  app.add_option("--rounds", settings.rounds, "Rounds of the two sides")->capture_default_str();
  app.add_option("--out", settings.out, "JSON file to write");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto device = kernels::make_cpu_backend();
    if (kernels::cpu::make_dense_grad_weight_onednn({}) == nullptr) {
      std::puts("SKIP: this build has no oneDNN to compare with");
      return 0;
    }
    NetworkOptions options;
    options.image_size = settings.image_size;
    const Network network = models::build(settings.model, options);
    std::printf("%s at %d px, %g %% of the input channels of each conv, one thread, %s\n",
                settings.model.c_str(), static_cast<int>(settings.image_size), 100 * settings.share,
                device->isa().c_str());
    nlohmann::json result = bench::provenance("grad_weight", argc, argv, *device);
    result["settings"] = {{"model", settings.model},   {"image_size", settings.image_size},
                          {"share", settings.share},   {"first_of_tail", settings.first_of_tail},
                          {"rounds", settings.rounds}, {"threads", 1}};
    for (const int64_t batch : settings.batches) {
      result["batches"].push_back(report(*device, network, batch, settings));
    }
    bench::write_result(settings.out, result);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
