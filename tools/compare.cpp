// trady compare: finished runs side by side.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/error.h"
#include "tools/commands.h"
#include "tools/run_record.h"

namespace trady::tools {

namespace {

using nlohmann::json;

json read_record(const std::string& run) {
  const auto path = std::filesystem::path(run) / "run.json";
  std::ifstream in(path);
  if (!in) fail(path.string(), ": cannot be read; is ", run, " the --out of a run?");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  RunRecord record = RunRecord::parse(text, path.string());
  if (record.epochs_done() == 0) fail(path.string(), ": no epoch is finished yet");
  return record.json();
}

/// Test accuracy, or validation where there is no test set, in percent.
std::string accuracy(const json& evaluated) {
  for (const char* split : {"test", "val"}) {
    if (evaluated.contains(split) && evaluated[split].is_object()) {
      char text[32];
      std::snprintf(text, sizeof text, "%.2f", 100 * evaluated[split]["accuracy"].get<double>());
      return text;
    }
  }
  return "-";
}

double mean_over_epochs(const json& epochs, const json::json_pointer& field) {
  double sum = 0;
  for (const json& epoch : epochs) sum += epoch.at(field).get<double>();
  return sum / static_cast<double>(epochs.size());
}

double step_ms(const json& epochs) {
  double seconds = 0, steps = 0;
  for (const json& epoch : epochs) {
    seconds += epoch["step_seconds"].get<double>();
    steps += epoch["steps"].get<double>();
  }
  return 1000 * seconds / std::max(steps, 1.0);
}

double largest(const json& epochs, const json::json_pointer& field) {
  double most = 0;
  for (const json& epoch : epochs) most = std::max(most, epoch.at(field).get<double>());
  return most;
}

void print_row(const json& record) {
  const json& epochs = record["epochs"];
  const double dense =
      mean_over_epochs(epochs, json::json_pointer("/multiply_adds/grad_weight_dense"));
  const double computed =
      mean_over_epochs(epochs, json::json_pointer("/multiply_adds/grad_weight"));
  const double samples = record["environment"]["micro_batch"].get<double>();
  const auto per_sample = [&](const json::json_pointer& field) {
    return largest(epochs, field) / samples / 1024;
  };
  std::string budget = "-";
  if (record["budget_elements"].is_number()) {
    budget =
        concat(std::lround(mean_over_epochs(epochs, json::json_pointer("/budget_used_elements"))),
               " of ", record["budget_elements"].get<int64_t>());
  }
  std::printf("%-14s %8s %8s %9.4f %8.2f  %-18s %8.2f %9.1f %8.1f %8.2f\n",
              record["settings"]["method"].get<std::string>().c_str(),
              accuracy(record["before"]).c_str(), accuracy(epochs.back()).c_str(),
              epochs.back()["loss"].get<double>(), step_ms(epochs), budget.c_str(),
              largest(epochs, json::json_pointer("/memory/reserved_bytes")) / 1048576,
              per_sample(json::json_pointer("/saved_for_backward_bytes/inputs")),
              per_sample(json::json_pointer("/saved_for_backward_bytes/masks")),
              100 * (1 - computed / dense));
}

void print_categories(const std::vector<json>& records) {
  std::printf("\nKiB at the fullest moment of a step%*s", 4, "");
  for (const json& record : records) {
    std::printf(" %14s", record["settings"]["method"].get<std::string>().c_str());
  }
  std::printf("\n");
  for (const std::string_view name : kMemoryCategoryNames) {
    std::printf("  %-37s", std::string(name).c_str());
    for (const json& record : records) {
      const auto field = json::json_pointer("/memory/peak_bytes/" + std::string(name));
      std::printf(" %14.1f", largest(record["epochs"], field) / 1024);
    }
    std::printf("\n");
  }
}

void compare(const std::vector<std::string>& runs) {
  std::vector<json> records;
  records.reserve(runs.size());
  for (const std::string& run : runs) records.push_back(read_record(run));
  std::printf("%-14s %8s %8s %9s %8s  %-18s %8s %9s %8s %8s\n", "method", "before %", "after %",
              "loss", "ms/step", "budget used", "peak MiB", "slice KiB", "mask KiB", "dW -%");
  for (const json& record : records) print_row(record);
  std::printf(
      "\nbefore / after: top-1 on the test (else validation) images. loss: training, last epoch.\n"
      "budget used: elements per sample, mean over the epochs. peak: all memory of a step.\n"
      "slice, mask: kept from forward for backward, per sample. dW -%%: weight-gradient\n"
      "multiply-adds saved against computing every channel.\n");
  print_categories(records);
}

}  // namespace

void add_compare(CLI::App& app) {
  const auto runs = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("compare", "Finished runs side by side");
  command->add_option("RUN", *runs, "folders that `trady finetune --out` wrote")->required();
  command->footer("Example:\n  trady compare runs/head runs/trady runs/full");
  command->callback([runs] { compare(*runs); });
}

}  // namespace trady::tools
