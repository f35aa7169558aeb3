// Sliced weight gradients on a GPU: our kernels against gather + cuBLAS and against cuDNN's dense
// gradient, layer by layer and sparsity by sparsity, beside what this GPU can do at most.
#include <algorithm>
#include <cstdio>

#include "bench/common/result_file.h"
#include "bench/cuda/grad_weight/goals.h"
#include "bench/cuda/options.h"
#include "engine/error.h"

namespace {

using namespace trady;
using namespace trady::bench;
using kernels::cuda::Precision;

struct Settings {
  LayerBenchOptions bench;
  std::vector<double> sparsities = {0, 50, 80, 90, 95, 98, 99};  // per cent
  RateSettings rates;
  LayerSettings layer;
  GoalSettings goals;
};

std::string cell(const RowTimes& row, const char* way) {
  const auto found = row.us.find(way);
  if (found == row.us.end()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", found->second.median);
  return text;
}

void print_row(const Layer& layer, const RowTimes& row, const Floor& floor) {
  const kernels::ConvShape& s = layer.shape;
  const double own = row.us.at(kOwn).median;
  std::printf(
      "%-20s %3dx%-3d %4d>%-4d k%d%s %5.1f%% %4d %8s %8s %8s %8s %8s %8s %8.1f %-5.5s %5.2f",
      layer.name.c_str(), static_cast<int>(s.in_h), static_cast<int>(s.in_w),
      static_cast<int>(s.in_c), static_cast<int>(s.out_c), static_cast<int>(s.kernel),
      s.depthwise ? "d" : " ", 100 * row.sparsity, static_cast<int>(row.channels),
      cell(row, kOwn).c_str(), cell(row, kOwnPacking).c_str(), cell(row, kOwnWarm).c_str(),
      cell(row, kCublasGather).c_str(), cell(row, kCudnnDense).c_str(),
      cell(row, kCudnnDenseWarm).c_str(), floor.us, floor.bound_by, own / floor.us);
  const auto dense = row.us.find(kCudnnDense);
  if (dense != row.us.end()) std::printf(" %6.1f", dense->second.median / own);
  std::puts("");
}

nlohmann::json json_of_row(const RowTimes& row, const Work& work, const Floor& floor) {
  const double seconds = row.us.at(kOwn).median / 1e6;
  nlohmann::json json{{"sparsity", row.sparsity},
                      {"channels", row.channels},
                      {"bytes", work.bytes},
                      {"operations", work.operations},
                      {"floor_us", floor.us},
                      {"bound_by", floor.bound_by},
                      {"ratio_to_floor", row.us.at(kOwn).median / floor.us},
                      {"bytes_per_second", static_cast<double>(work.bytes) / seconds},
                      {"flops", static_cast<double>(work.operations) / seconds}};
  if (row.nmse_to_cudnn >= 0) json["nmse_to_cudnn"] = row.nmse_to_cudnn;
  for (const auto& [way, quartiles] : row.us) {
    json["us"][way] = {{"median", quartiles.median},
                       {"lower_quartile", quartiles.lower},
                       {"upper_quartile", quartiles.upper}};
  }
  return json;
}

void print_goals(const nlohmann::json& goals) {
  const nlohmann::json& floor = goals.at("floor");
  std::printf(
      "\nthe %zu shapes that make %.0f %% of the dense gradients' time, within %.1fx of the "
      "floor:\n",
      floor.at("layers").size(), 100 * floor.at("share_of_dense_time").get<double>(),
      floor.at("most_of_floor").get<double>());
  for (const nlohmann::json& row : floor.at("rows")) {
    std::printf("  %5.1f %%: %2d of %2d, worst %.2f (%s)\n", 100 * row.at("sparsity").get<double>(),
                row.at("within").get<int>(), row.at("layers").get<int>(),
                row.at("worst_ratio").get<double>(),
                row.at("worst_layer").get<std::string>().c_str());
  }
  const nlohmann::json& speedup = goals.at("speedup");
  if (speedup.contains("not_available")) {
    std::printf("against cuDNN: %s\n\n", speedup.at("not_available").get<std::string>().c_str());
    return;
  }
  std::printf(
      "at %.0f %%, %.0fx faster than cuDNN's dense gradient where that takes %.0f us: %d of "
      "%d",
      100 * speedup.at("sparsity").get<double>(), speedup.at("least").get<double>(),
      speedup.at("least_dense_us").get<double>(), speedup.at("reached").get<int>(),
      speedup.at("layers").get<int>());
  if (speedup.contains("smallest")) {
    std::printf(", smallest %.1fx (%s)", speedup.at("smallest").get<double>(),
                speedup.at("smallest_layer").get<std::string>().c_str());
  }
  std::puts("\n");
}

nlohmann::json measure_network(const std::string& network, const Settings& settings,
                               const Contestants& contestants, const MachineRates& rates) {
  const Precision precision = precision_of(settings.bench.precision);
  std::printf("\n%s, batch %d; microseconds\n", network.c_str(),
              static_cast<int>(settings.bench.batch));
  std::printf("%-20s %7s %9s %3s %6s %4s %8s %8s %8s %8s %8s %8s %8s %-5s %5s %6s\n", "layer",
              "input", "channels", "", "sparse", "n", "own", "+pack", "own L2", "cublas+g", "cudnn",
              "cudnn L2", "floor", "by", "ratio", "cu/own");
  std::vector<MeasuredLayer> layers;
  nlohmann::json results = nlohmann::json::array();
  for (const Layer& layer : layers_of(settings.bench, network)) {
    layers.push_back({layer, run_layer(contestants, layer, settings.sparsities, settings.layer)});
    nlohmann::json entry = json_of(layer);
    entry["buffer_sets"] = layers.back().run.buffer_sets;
    for (const RowTimes& row : layers.back().run.rows) {
      const Work work = sliced_gradient_work(layer.shape, row.channels, precision);
      const Floor floor = floor_of(work, rates);
      print_row(layer, row, floor);
      entry["rows"].push_back(json_of_row(row, work, floor));
    }
    results.push_back(std::move(entry));
  }
  const nlohmann::json goals =
      judge_goals(layers, settings.sparsities, precision, rates, settings.goals);
  print_goals(goals);
  return {{"network", network}, {"layers", std::move(results)}, {"goals", goals}};
}

/// Whether every gradient agreed with cuDNN's; says which did not.
bool all_right(const nlohmann::json& networks, double most_nmse) {
  bool right = true;
  for (const nlohmann::json& network : networks) {
    for (const nlohmann::json& layer : network.at("layers")) {
      for (const nlohmann::json& row : layer.at("rows")) {
        const double nmse = row.value("nmse_to_cudnn", 0.0);
        if (nmse <= most_nmse) continue;
        right = false;
        std::printf("WRONG: %s of %s, %d channels: NMSE to cuDNN %g\n",
                    layer.at("name").get<std::string>().c_str(),
                    network.at("network").get<std::string>().c_str(), row.at("channels").get<int>(),
                    nmse);
      }
    }
  }
  return right;
}

int run(Settings& settings, int argc, char** argv) {
  for (double& sparsity : settings.sparsities) {
    if (!(sparsity >= 0 && sparsity < 100)) fail("--sparsities: 0 to below 100 per cent");
    sparsity /= 100;
  }
  std::ranges::sort(settings.sparsities);
  settings.layer.rounds = settings.bench.rounds;
  settings.layer.round_us = settings.bench.round_us;
  settings.rates.rounds = settings.bench.rounds;
  const Precision precision = precision_of(settings.bench.precision);
  const auto device = own_kernels(precision);
  const auto other = own_kernels(precision == Precision::tf32 ? Precision::fp32 : Precision::tf32);
  const bool is_tf32 = precision == Precision::tf32;
  nlohmann::json result = provenance("cuda_grad_weight", argc, argv, *device);
  std::printf("%s\n", device->isa().c_str());
  const Vendor cublas = open_cublas(*device, precision);
  const Vendor cudnn = open_cudnn(*device, precision);
  result["versions"]["cublas"] = cublas.version;
  result["versions"]["cudnn"] = cudnn.version;
  result["settings"] = json_of(settings.bench);
  result["settings"]["sparsities"] = settings.sparsities;

  const MeasuredRates rates =
      measure_rates(is_tf32 ? *device : *other, is_tf32 ? *other : *device, settings.rates);
  result["machine_rates"] = rates.details;
  result["networks"] = nlohmann::json::array();
  for (const std::string& network : settings.bench.networks) {
    result["networks"].push_back(measure_network(
        network, settings, {device.get(), cublas.passes.get(), cudnn.passes.get()}, rates.rates));
    write_result(settings.bench.out, result);  // whole networks survive a run that is cut short
  }
  // Both sides may round their operands to TF32, which alone makes about 1e-7.
  constexpr double kMostNmse = 1e-5;
  return all_right(result["networks"], kMostNmse) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{
      "Sliced weight gradients on a GPU, beside gather + cuBLAS, cuDNN's dense gradient and the "
      "floor.\nBuffers rotate, so that data come from memory and not from the L2 cache, but in the "
      "columns that say L2."};
  add_layer_bench_options(app, settings.bench);
  app.add_option("--sparsities", settings.sparsities, "Per cent of the input channels left out")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--most-bytes", settings.layer.most_bytes,
                 "Of device memory for the buffers of one layer, which rotate")
      ->capture_default_str();
  app.add_option("--copied-floats", settings.rates.copied_floats, "For the bandwidth")
      ->capture_default_str();
  app.add_option("--matrix-rows", settings.rates.matrix_rows, "For the rate of matrix products")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return run(settings, argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_cuda_grad_weight: %s\n", error.what());
    return 1;
  }
}
