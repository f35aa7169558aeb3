// Real training steps of the sparse engine, written down so that bench/peers/trajectory.py can
// replay them as a masked simulation in float64: its head describes the files.
#include <cstdio>
#include <filesystem>
#include <set>

#include "bench/common/workload.h"
#include "engine/atomic_file.h"
#include "engine/checkpoint.h"
#include "engine/data/loader.h"
#include "engine/error.h"
#include "selection/budget.h"

namespace {

using namespace trady;
namespace fs = std::filesystem;

struct Settings {
  tools::ModelOptions model;
  tools::MethodOptions method;
  tools::DataOptions data;
  std::vector<std::string> devices = {"reference", "cpu"};
  double learning_rate = 0.03;
  int64_t steps = 50;
  std::set<int64_t> checkpoints = {1, 5, 50};
  std::string out;
};

/// The batches of the first `steps` steps, whole.
struct Recorded {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  int64_t steps_per_epoch = 0;
};

Recorded record_batches(const Settings& settings, int64_t image_size,
                        const std::shared_ptr<const Dataset>& images) {
  LoaderOptions options = LoaderOptions::training();
  options.transform = {static_cast<int>(image_size), parse_recipe(settings.data.recipe)};
  options.batch_size = settings.method.batch;
  options.seed = settings.method.seed;
  options.threads = tools::thread_count(settings.model);
  const auto budget = std::make_shared<CacheBudget>(parse_bytes(settings.data.cache, "--cache"));
  Loader loader(std::make_shared<DecodedCache>(images, budget), options);

  Recorded recorded;
  recorded.steps_per_epoch = loader.batches_per_epoch();
  const int64_t batch_bytes = settings.method.batch * image_size * image_size * 3;
  Batch batch;
  for (int64_t step = 0; step < settings.steps; ++step) {
    if (step % recorded.steps_per_epoch == 0) {
      loader.start_epoch(static_cast<uint32_t>(step / recorded.steps_per_epoch));
    }
    loader.next(batch);
    recorded.pixels.insert(recorded.pixels.end(), batch.pixels, batch.pixels + batch_bytes);
    recorded.labels.insert(recorded.labels.end(), batch.labels, batch.labels + batch.count);
  }
  return recorded;
}

nlohmann::json describe(const Settings& settings, const Network& network, const Strategy& strategy,
                        int64_t steps_per_epoch) {
  nlohmann::json selections = nlohmann::json::array();
  for (int64_t first = 0; first < settings.steps; first += steps_per_epoch) {
    const UpdatePlan plan = strategy.plan(static_cast<int>(first / steps_per_epoch));
    nlohmann::json convs = nlohmann::json::array();
    for (size_t i = 0; i < plan.convs.size(); ++i) {
      if (plan.convs[i].updates_weight()) {
        convs.push_back({{"index", i}, {"channels", plan.convs[i].channels}});
      }
    }
    selections.push_back({{"first_step", first},
                          {"steps", std::min(steps_per_epoch, settings.steps - first)},
                          {"convs", convs}});
  }
  return {{"model", network.name},
          {"steps", settings.steps},
          {"batch", settings.method.batch},
          {"image_size", network.options.image_size},
          {"classes", network.options.classes},
          {"learning_rates",
           std::vector<double>(static_cast<size_t>(settings.steps), settings.learning_rate)},
          {"selections", selections}};
}

void write_bytes(const fs::path& path, const void* data, size_t bytes) {
  AtomicFile file(path, bytes);
  file.write(data, bytes);
  file.commit();
}

/// The start is float32 on every device: a float64 device reads the same numbers.
void write_start(const Settings& settings, const Network& network, const Strategy& strategy,
                 const Parameters& start, const Recorded& recorded) {
  const fs::path folder(settings.out);
  save_parameters(folder / "start.safetensors", {{&start, ""}}, {});
  write_bytes(folder / "batches_u8.bin", recorded.pixels.data(), recorded.pixels.size());
  write_bytes(folder / "labels_i32.bin", recorded.labels.data(),
              recorded.labels.size() * sizeof(int32_t));
  write_file_atomically(
      folder / "trajectory.json",
      describe(settings, network, strategy, recorded.steps_per_epoch).dump(1) + "\n");
}

void train(const Settings& settings, const std::string& device, const Network& network,
           const Strategy& strategy, const Recorded& recorded) {
  const fs::path folder(settings.out);
  const auto backend = tools::make_backend(device, settings.model.precision);
  Parameters parameters(network.tape.parameters(), *backend);
  load_parameters(SafetensorsFile::open(folder / "start.safetensors"), parameters);
  const StepSizing sizing = size_step(network.tape, *backend, parameters, demand_of(strategy),
                                      tools::request_of(settings.model, settings.method, 0));
  StepRunner runner(network.tape, *backend, parameters, {}, sizing.settings, sizing.workers);

  const int64_t batch = settings.method.batch;
  const int64_t image_bytes = network.options.image_size * network.options.image_size * 3;
  std::vector<double> losses;
  for (int64_t step = 0; step < settings.steps; ++step) {
    if (step % recorded.steps_per_epoch == 0) {
      runner.select(strategy.plan(static_cast<int>(step / recorded.steps_per_epoch)));
    }
    const TrainResult result = runner.train({recorded.pixels.data() + step * batch * image_bytes,
                                             recorded.labels.data() + step * batch, batch},
                                            settings.learning_rate);
    if (!result.finite) fail("step ", step, " on ", device, " is not finite; lower --lr");
    losses.push_back(result.loss);
    if (settings.checkpoints.contains(step + 1)) {
      save_parameters(folder / concat("ours_step", step + 1, "_", device, ".safetensors"),
                      {{&parameters, ""}}, {});
    }
  }
  write_file_atomically(folder / concat("losses_", device, ".json"),
                        nlohmann::json{{"losses", losses}}.dump() + "\n");
  std::printf("%-9s micro-batch %lld, %d workers: loss %.4f -> %.4f\n", device.c_str(),
              static_cast<long long>(sizing.settings.micro_batch), sizing.workers, losses.front(),
              losses.back());
}

void run(Settings& settings) {
  const DatasetSplits data = tools::open_data(settings.data, settings.method.seed);
  if (!data.train) fail(settings.data.data, ": there are no training images");
  const auto backend = kernels::make_reference_backend(kernels::DType::float32);
  const tools::LoadedNetwork start = tools::load_network(
      settings.model, *backend, data.train->class_count(), /*new_head=*/true, settings.method.seed);
  if (!settings.method.budget) settings.method.budget = "27946";
  const auto strategy = tools::make_strategy(settings.method, start.network);
  if (!strategy->info().budgeted) {
    fail("--method ", settings.method.method, ": the replay knows methods with a budget alone");
  }
  std::error_code error;
  fs::create_directories(settings.out, error);
  if (error) fail("--out ", settings.out, ": cannot create the folder (", error.message(), ")");

  const Recorded recorded = record_batches(settings, start.network.options.image_size, data.train);
  write_start(settings, start.network, *strategy, *start.parameters, recorded);
  for (const std::string& device : settings.devices) {
    train(settings, device, start.network, *strategy, recorded);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{
      "Training steps on real images for bench/peers/trajectory.py to replay.\n"
      "  bench_trajectory --weights mbv2-w0.35.safetensors --data flowers12 --out trajectory\n"
      "  python bench/peers/trajectory.py trajectory"};
  tools::add_model_options(app, settings.model);
  tools::add_method_options(app, settings.method);
  tools::add_data_options(app, settings.data);
  app.remove_option(app.get_option("--device"));
  app.add_option("--devices", settings.devices, "To train on, one after another")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--lr", settings.learning_rate, "The same at every step")->capture_default_str();
  app.add_option("--steps", settings.steps, "Steps")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--checkpoints", settings.checkpoints, "Steps after which weights are written")
      ->delimiter(',');
  app.add_option("--out", settings.out, "Folder")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    run(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_trajectory: %s\n", error.what());
    return 1;
  }
  return 0;
}
