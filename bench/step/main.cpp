// The time of inference and of training steps, of every method in turn and, with --peer, in turn
// with another program's; or over micro-batches, which the engine's default is chosen by. On a GPU
// also the energy of a step, of both sides.
#include <cmath>
#include <cstdio>

#include "bench/common/gpu_energy.h"
#include "bench/common/result_file.h"
#include "bench/common/workload.h"
#include "bench/step/peer.h"
#include "engine/error.h"

namespace {

using namespace trady;
using namespace trady::bench;

struct Settings {
  WorkloadOptions workload;
  std::vector<std::string> rows = {"forward", "full", "last-k", "head", "trady"};
  std::vector<int64_t> micro_batches;
  std::string peer;
  int rounds = 15;
  int steps = 5;
  double energy_seconds = 3;
  std::string out;
};

/// One row: steps of a method, and what its draws cost.
struct OurRow {
  std::string name;
  std::unique_ptr<MethodSteps> steps;
  std::vector<double> select_ms;
};

/// A round as the peer's: a new draw and a step that warms the caches, both untimed, then `steps`.
Side side_of(OurRow& row, const BatchView& batch, int steps) {
  return {row.name, [&row, batch, steps] {
            if (row.steps->draws()) {
              row.select_ms.push_back(milliseconds([&] { row.steps->select_next(); }));
            }
            row.steps->step(batch);
            return milliseconds([&] { row.steps->run(batch, steps); }) / steps;
          }};
}

void print_row(const TimedSide& side, const std::vector<const TimedSide*>& bases,
               const std::string& note) {
  std::printf("%-14s %8.2f  (%7.2f .. %7.2f)", side.name.c_str(), side.quartiles.median,
              side.quartiles.lower, side.quartiles.upper);
  for (const TimedSide* base : bases) {
    const TimeRatio ratio = time_ratio(side, *base);
    std::printf("  %6.3f (%.3f .. %.3f)", ratio.of_medians, ratio.by_round.lower,
                ratio.by_round.upper);
  }
  std::printf("  %s\n", note.c_str());
}

std::string note_of(OurRow& row) {
  const StepSizing& sizing = row.steps->sizing();
  std::string note = concat("micro-batch ", sizing.settings.micro_batch, ", ", sizing.workers,
                            sizing.workers == 1 ? " worker" : " workers");
  if (!row.select_ms.empty()) {
    const double ms = quartiles(row.select_ms).median;
    note += concat(", a new selection ", std::round(ms * 100) / 100, " ms");
  }
  return note;
}

nlohmann::json json_of_row(OurRow& row, const TimedSide& timed) {
  nlohmann::json json = json_of(timed);
  json["micro_batch"] = row.steps->sizing().settings.micro_batch;
  json["workers"] = row.steps->sizing().workers;
  json["reserved_bytes"] = row.steps->runner().measured().reserved;
  if (!row.select_ms.empty()) {
    json["select"] = json_of(TimedSide{row.name, row.select_ms, quartiles(row.select_ms)});
  }
  return json;
}

void print_energy(const std::string& row, const nlohmann::json& energy) {
  if (energy.contains("not_available")) {
    std::printf("%-14s energy: not available (%s)\n", row.c_str(),
                energy.at("not_available").get<std::string>().c_str());
  } else {
    std::printf("%-14s %.4f J a step, %.0f W\n", row.c_str(),
                energy.at("joules_a_step").get<double>(), energy.at("watts").get<double>());
  }
}

/// Adds to each row of `results` the energy of its steps, and to the peer's their memory.
void measure_costs(const Settings& settings, std::vector<OurRow>& rows, const BatchView& batch,
                   Peer* peer, nlohmann::json& results) {
  const GpuMeter meter;
  for (OurRow& row : rows) {
    nlohmann::json& energy = results["rows"][row.name]["energy"];
    energy = measure_energy(meter, settings.energy_seconds,
                            [&](int steps) { row.steps->run(batch, steps); });
    print_energy(row.name, energy);
  }
  if (peer == nullptr) return;
  for (const std::string& name : peer->rows()) {
    const nlohmann::json cost = peer->cost(name, settings.energy_seconds);
    results["peer"][name].update(cost);
    print_energy("peer " + name, cost.at("energy"));
  }
}

nlohmann::json compare_rows(const Settings& settings, const kernels::Backend& backend) {
  // Before anything else: it compiles for minutes, and its process should start from a small one.
  std::unique_ptr<Peer> peer;
  if (!settings.peer.empty()) peer = std::make_unique<Peer>(settings.peer);

  std::vector<OurRow> rows;
  for (const std::string& name : settings.rows) {
    rows.push_back({name, std::make_unique<MethodSteps>(settings.workload, name, backend), {}});
  }
  const Network& network = rows.front().steps->network();
  const RandomBatch batch(settings.workload.batch, network.options.image_size,
                          network.options.classes);
  std::vector<Side> sides;
  sides.reserve(rows.size());
  for (OurRow& row : rows) sides.push_back(side_of(row, batch.view(), settings.steps));
  const std::vector<std::string> peer_rows = peer ? peer->rows() : std::vector<std::string>{};
  std::vector<std::string> variants(peer_rows.size());
  for (size_t i = 0; i < peer_rows.size(); ++i) {
    sides.push_back({"peer " + peer_rows[i], [&, i] {
                       const Peer::Answer answer = peer->run(peer_rows[i]);
                       variants[i] = answer.variant;
                       return answer.ms;
                     }});
  }
  const std::vector<TimedSide> timed = time_in_turn(sides, settings.rounds);

  std::vector<const TimedSide*> bases;
  std::printf("%-14s %8s  (%7s .. %7s)", "", "ms", "25 %", "75 %");
  for (size_t i = rows.size(); i < timed.size(); ++i) {
    bases.push_back(&timed[i]);
    std::printf("  %-23s", ("of " + timed[i].name).c_str());
  }
  std::puts("");
  nlohmann::json results;
  for (size_t i = 0; i < timed.size(); ++i) {
    const bool ours = i < rows.size();
    print_row(timed[i], bases, ours ? note_of(rows[i]) : variants[i - rows.size()]);
    nlohmann::json& row =
        results[ours ? "rows" : "peer"][ours ? timed[i].name : peer_rows[i - rows.size()]];
    row = ours ? json_of_row(rows[i], timed[i]) : json_of(timed[i]);
    if (!ours) row["variant"] = variants[i - rows.size()];
    if (!ours) continue;
    for (size_t j = 0; j < bases.size(); ++j) {
      row["ratio_to_peer"][peer_rows[j]] = json_of(time_ratio(timed[i], *bases[j]));
    }
  }
  if (!backend.on_host()) measure_costs(settings, rows, batch.view(), peer.get(), results);
  return results;
}

/// Rows x micro-batches, all in turn.
nlohmann::json sweep_micro_batches(const Settings& settings, const kernels::Backend& backend) {
  std::vector<OurRow> rows;
  for (const int64_t micro_batch : settings.micro_batches) {
    WorkloadOptions workload = settings.workload;
    workload.micro_batch = micro_batch;
    for (const std::string& name : settings.rows) {
      rows.push_back({concat(name, " m=", micro_batch),
                      std::make_unique<MethodSteps>(workload, name, backend),
                      {}});
    }
  }
  const Network& network = rows.front().steps->network();
  const RandomBatch batch(settings.workload.batch, network.options.image_size,
                          network.options.classes);
  std::vector<Side> sides;
  sides.reserve(rows.size());
  for (OurRow& row : rows) sides.push_back(side_of(row, batch.view(), settings.steps));
  const std::vector<TimedSide> timed = time_in_turn(sides, settings.rounds);

  const int64_t preset = default_micro_batch(network.tape, backend, settings.workload.batch);
  std::printf("%lld px; the default micro-batch is %lld\n",
              static_cast<long long>(network.options.image_size), static_cast<long long>(preset));
  std::printf("%-14s %8s  (%7s .. %7s)  activations of a worker at their peak\n", "", "ms", "25 %",
              "75 %");
  nlohmann::json results = nlohmann::json::array();
  for (size_t i = 0; i < timed.size(); ++i) {
    const int64_t activations =
        rows[i].steps->runner().planned().lane_peak[MemoryCategory::activations];
    print_row(timed[i], {}, concat(activations / 1024, " KiB"));
    nlohmann::json row = json_of_row(rows[i], timed[i]);
    row["row"] = settings.rows[i % settings.rows.size()];
    row["activation_bytes"] = activations;
    results.push_back(std::move(row));
  }
  return {{"default_micro_batch", preset}, {"micro_batches", results}};
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{
      "Times inference and training steps, alternating.\n"
      "  bench_step --weights mbv2-w0.35.safetensors --image-size 128 --threads 2 \\\n"
      "      --peer 'python bench/peers/step.py --serve'\n"
      "  bench_step --image-size 32 --micro-batches 1,2,4,8,16,32 --rows forward,trady"};
  add_workload_options(app, settings.workload);
  app.add_option("--memory-limit", settings.workload.memory_limit, "Of every row's steps");
  app.add_option("--rows", settings.rows, "forward (inference), and methods of `trady finetune`")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--micro-batches", settings.micro_batches, "Sweep these instead")->delimiter(',');
  app.add_option("--peer", settings.peer, "Command of a program that serves bench/peers/README.md");
  app.add_option("--rounds", settings.rounds, "Rounds of all sides")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--steps", settings.steps,
                 "Timed steps a round (the peer has an option of its own)")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--energy-seconds", settings.energy_seconds,
                 "Steps of each row, on a GPU, whose energy is counted")
      ->capture_default_str();
  app.add_option("--out", settings.out, "JSON file");
  CLI11_PARSE(app, argc, argv);
  try {
    if (!settings.peer.empty() && !settings.micro_batches.empty()) {
      fail("--micro-batches is a sweep of our own side; leave --peer out");
    }
    const auto backend =
        tools::make_backend(settings.workload.model.device, settings.workload.model.precision);
    nlohmann::json result = provenance("step", argc, argv, *backend);
    result["settings"] = json_of(settings.workload);
    result["settings"]["rounds"] = settings.rounds;
    result["settings"]["steps"] = settings.steps;
    result.update(settings.micro_batches.empty() ? compare_rows(settings, *backend)
                                                 : sweep_micro_batches(settings, *backend));
    write_result(settings.out, result);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_step: %s\n", error.what());
    return 1;
  }
  return 0;
}
