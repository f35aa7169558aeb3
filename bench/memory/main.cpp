// What training steps hold: planned and counted bytes by category, at the default setting, under a
// limit and under the least limit that works, the process's growth beside it, and the time of each.
#include <cstdio>

#include "bench/common/result_file.h"
#include "bench/common/workload.h"
#include "bench/memory/own_process.h"
#include "bench/memory/resident_bytes.h"
#include "engine/error.h"
#include "selection/budget.h"
#include "tools/run_record.h"

namespace {

using namespace trady;
using namespace trady::bench;

struct Settings {
  WorkloadOptions workload;
  std::vector<std::string> methods = {"full", "head", "trady"};
  std::string limit = "4.5MiB";
  int steps = 20;
  int draws = 50;
  int rounds = 15;
  std::string out;
};

/// The same method with another bound of its memory.
struct Case {
  std::string method;
  std::string name;
  std::optional<std::string> limit;
};

WorkloadOptions workload_of(const Settings& settings, const Case& wanted) {
  WorkloadOptions workload = settings.workload;
  workload.memory_limit = wanted.limit;
  return workload;
}

bool limit_works(const Settings& settings, const std::string& method, int64_t kibibytes,
                 const kernels::Backend& backend) {
  try {
    MethodSteps(workload_of(settings, {method, "", concat(kibibytes, "KiB")}), method, backend);
  } catch (const Error&) {
    return false;
  }
  return true;
}

/// The least limit that works, in KiB, by bisection.
int64_t smallest_limit(const Settings& settings, const std::string& method,
                       const kernels::Backend& backend) {
  const MethodSteps unlimited(settings.workload, method, backend);
  int64_t too_small = 0, works = unlimited.sizing().bytes / 1024 + 1;
  while (works - too_small > 1) {
    const int64_t middle = (too_small + works) / 2;
    (limit_works(settings, method, middle, backend) ? works : too_small) = middle;
  }
  return works;
}

/// 4 bytes x micro-batch x sum of n_selected H W over the convs (docs/method.md section 1).
int64_t slice_bytes(const Strategy& strategy, const StepProgram& program) {
  return 4 * program.settings().micro_batch * strategy.costs().plan(program.update()).activations;
}

nlohmann::json measure(const Settings& settings, const Case& wanted,
                       const kernels::Backend& backend) {
  const int64_t resident_before = resident_bytes();
  MethodSteps steps(workload_of(settings, wanted), wanted.method, backend);
  const NetworkOptions& shape = steps.network().options;
  const RandomBatch batch(settings.workload.batch, shape.image_size, shape.classes);
  StepRunner& runner = steps.runner();
  const auto run = [&] {
    steps.step(batch.view());
    if (runner.measured() != runner.planned()) fail("[memory] counted and planned bytes differ");
  };
  run();
  const int64_t resident_first = resident_bytes();
  for (int i = 0; i < settings.steps; ++i) run();
  const int64_t resident_steps = resident_bytes();

  const MemoryReport report = runner.measured();
  const SavedBytes saved = saved_for_backward(runner.program());
  nlohmann::json json{{"micro_batch", steps.sizing().settings.micro_batch},
                      {"workers", steps.sizing().workers},
                      {"sizing", steps.sizing().why},
                      {"bound_bytes", steps.sizing().bytes},
                      {"memory", tools::json_of(report)},
                      {"saved_for_backward_bytes_of_a_worker",
                       {{"inputs", saved.inputs},
                        {"masks", saved.masks},
                        {"slices", slice_bytes(*steps.strategy(), runner.program())}}}};

  int64_t peak = report.reserved, resident_half = resident_steps;
  for (int draw = 0; steps.draws() && draw < settings.draws; ++draw) {
    steps.select_next();
    run();
    peak = std::max(peak, runner.measured().reserved);
    if (draw == settings.draws / 2) resident_half = resident_bytes();
  }
  json["peak_bytes"] = peak;
  json["draws"] = steps.draws() ? settings.draws + 1 : 1;
  const int64_t batch_bytes = settings.workload.batch * shape.image_size * shape.image_size * 3;
  json["resident_growth_bytes"] = {
      {"construction_and_first_step", resident_first - resident_before},
      {"beyond_plan_and_images", resident_first - resident_before - report.reserved - batch_bytes},
      {"steps_of_one_selection", resident_steps - resident_first},
      {"draws_first_half", resident_half - resident_steps},
      {"draws_second_half", resident_bytes() - resident_half},
      {"peak", peak_resident_bytes() - resident_before}};
  return json;
}

/// Milliseconds a step of the cases of one method, in turn.
nlohmann::json time_cases(const Settings& settings, const std::vector<Case>& cases,
                          const kernels::Backend& backend) {
  std::vector<std::unique_ptr<MethodSteps>> steps;
  steps.reserve(cases.size());
  for (const Case& each : cases) {
    steps.push_back(
        std::make_unique<MethodSteps>(workload_of(settings, each), each.method, backend));
  }
  const NetworkOptions& shape = steps.front()->network().options;
  const RandomBatch batch(settings.workload.batch, shape.image_size, shape.classes);
  std::vector<Side> sides;
  for (size_t i = 0; i < cases.size(); ++i) {
    sides.push_back({cases[i].name, [&, i] {
                       steps[i]->step(batch.view());
                       constexpr int kSteps = 3;
                       return milliseconds([&] {
                                for (int n = 0; n < kSteps; ++n) steps[i]->step(batch.view());
                              }) /
                              kSteps;
                     }});
  }
  const std::vector<TimedSide> timed = time_in_turn(sides, settings.rounds);
  nlohmann::json json;
  for (const TimedSide& side : timed) {
    json[side.name] = json_of(side);
    json[side.name]["ratio_to_default"] = json_of(time_ratio(side, timed.front()));
  }
  return json;
}

double mib(int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

void print_heading() {
  std::printf("MiB            limit       m  w   peak  bound");
  for (const auto name : kMemoryCategoryNames) {
    std::printf(" %10.10s", std::string(name.substr(0, 10)).c_str());
  }
  std::printf("  saved in  masks |  ms/step  ratio\n");
}

void print_case(const Case& row, const nlohmann::json& json) {
  std::printf("%-8s %11s %7d %2d %6.2f %6.2f", row.method.c_str(),
              row.limit.value_or("none").c_str(), json["micro_batch"].get<int>(),
              json["workers"].get<int>(), mib(json["peak_bytes"]), mib(json["bound_bytes"]));
  for (const auto name : kMemoryCategoryNames) {
    std::printf(" %10.3f", mib(json["memory"]["peak_bytes"][std::string(name)]));
  }
  const auto& saved = json["saved_for_backward_bytes_of_a_worker"];
  const int64_t workers = json["workers"];
  std::printf("  %8.3f %6.3f | %8.2f  %.3f\n", mib(workers * saved["inputs"].get<int64_t>()),
              mib(workers * saved["masks"].get<int64_t>()), json["time"]["median"].get<double>(),
              json["time"]["ratio_to_default"]["of_medians"].get<double>());
  const auto& grown = json["resident_growth_bytes"];
  std::printf(
      "         process: %.2f beyond the plan and the images (code, descriptors); later "
      "%+.2f over steps, %+.2f %+.2f over the halves of the draws\n",
      mib(grown["beyond_plan_and_images"]), mib(grown["steps_of_one_selection"]),
      mib(grown["draws_first_half"]), mib(grown["draws_second_half"]));
}

nlohmann::json report_method(const Settings& settings, const std::string& method,
                             const kernels::Backend& backend) {
  const int64_t least = in_own_process([&] { return smallest_limit(settings, method, backend); });
  std::vector<Case> cases{{method, "default", {}}};
  if (least * 1024 <= parse_bytes(settings.limit, "--limit")) {
    cases.push_back({method, "limit", settings.limit});
  }
  cases.push_back({method, "smallest", concat(least, "KiB")});
  const nlohmann::json times = in_own_process([&] { return time_cases(settings, cases, backend); });
  nlohmann::json results{{"smallest_limit_bytes", least * 1024}};
  for (const Case& each : cases) {
    nlohmann::json json = in_own_process([&] { return measure(settings, each, backend); });
    json["limit"] = each.limit ? nlohmann::json(*each.limit) : nlohmann::json();
    json["time"] = times[each.name];
    print_case(each, json);
    results[each.name] = std::move(json);
  }
  if (!results.contains("limit")) {
    std::printf("%-8s %11s needs %.2f MiB\n", method.c_str(), settings.limit.c_str(),
                static_cast<double>(least) / 1024);
  }
  return results;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{
      "Memory of training steps, planned, counted and seen from outside.\n"
      "  bench_memory --weights mbv2-w0.35.safetensors --image-size 128"};
  add_workload_options(app, settings.workload);
  app.add_option("--methods", settings.methods, "Methods of `trady finetune`")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--limit", settings.limit, "A --memory-limit to try")->capture_default_str();
  app.add_option("--steps", settings.steps, "Steps of the first selection")->capture_default_str();
  app.add_option("--draws", settings.draws, "Further selections")->capture_default_str();
  app.add_option("--rounds", settings.rounds, "Of the timing")->capture_default_str();
  app.add_option("--out", settings.out, "JSON file");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto backend = tools::make_backend(settings.workload.model.device);
    nlohmann::json result = provenance("memory", argc, argv, *backend);
    result["settings"] = json_of(settings.workload);
    result["settings"]["limit"] = settings.limit;
    print_heading();
    for (const std::string& method : settings.methods) {
      result["methods"][method] = report_method(settings, method, *backend);
    }
    write_result(settings.out, result);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_memory: %s\n", error.what());
    return 1;
  }
  return 0;
}
