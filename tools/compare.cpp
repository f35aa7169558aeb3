// trady compare: finished runs side by side.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "engine/error.h"
#include "tools/commands.h"
#include "tools/run_record.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

using nlohmann::json;

constexpr size_t kLongestMethod = 14;  // as wide as its column

json read_record(const std::string& run) {
  const RunRecord record = RunRecord::read_in(run);
  if (record.epochs_done() == 0) fail(run, ": no epoch is finished yet");
  return record.json();
}

/// Test accuracy, or validation where there is no test set, in percent.
std::string accuracy(const json& evaluated) {
  for (const char* split : {"test", "val"}) {
    if (evaluated.contains(split) && evaluated.at(split).is_object()) {
      return fixed(100 * evaluated.at(split).at("accuracy").get<double>(), 2);
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
    seconds += epoch.at("step_seconds").get<double>();
    steps += epoch.at("steps").get<double>();
  }
  return 1000 * seconds / std::max(steps, 1.0);
}

double largest(const json& epochs, const json::json_pointer& field) {
  double most = 0;
  for (const json& epoch : epochs) most = std::max(most, epoch.at(field).get<double>());
  return most;
}

void print_row(const json& record) {
  const json& epochs = record.at("epochs");
  const double samples = record.at("environment").at("micro_batch").get<double>();
  const auto per_sample = [&](const json::json_pointer& field) {
    return largest(epochs, field) / samples / 1024;
  };
  std::string budget = "-";
  if (record.contains("budget_elements")) {
    budget =
        concat(std::lround(mean_over_epochs(epochs, json::json_pointer("/budget_used_elements"))),
               " of ", record.at("budget_elements").get<int64_t>());
  }
  std::printf(
      "%-14s %8s %8s %9.4f %8.2f  %-18s %12.2f %10.1f %9.1f %7.2f\n",
      shortened(record.at("settings").at("method").get<std::string>(), kLongestMethod).c_str(),
      accuracy(record.at("before")).c_str(), accuracy(epochs.back()).c_str(),
      epochs.back().at("loss").get<double>(), step_ms(epochs), budget.c_str(),
      largest(epochs, json::json_pointer("/memory/reserved_bytes")) / 1048576,
      per_sample(json::json_pointer("/saved_for_backward_bytes/inputs")),
      per_sample(json::json_pointer("/saved_for_backward_bytes/masks")),
      100 * mean_over_epochs(epochs, json::json_pointer("/grad_weight_saved")));
}

/// The epoch whose selection reserved most.
const json& fullest_epoch(const json& record) {
  return *std::ranges::max_element(record.at("epochs"), {}, [](const json& epoch) {
    return epoch.at("memory").at("reserved_bytes").get<int64_t>();
  });
}

void print_memory(const std::vector<json>& records) {
  using Row = std::function<int64_t(const json& memory)>;
  const auto live = [](const json& memory) {
    int64_t sum = 0;
    for (const json& bytes : memory.at("peak_bytes")) sum += bytes.get<int64_t>();
    return sum;
  };
  const auto reserved = [](const json& memory) {
    return memory.at("reserved_bytes").get<int64_t>();
  };
  std::vector<Table::Column> columns{{"KiB of the fullest epoch", Table::Align::left}};
  for (const json& record : records) {
    columns.push_back(
        {shortened(record.at("settings").at("method").get<std::string>(), kLongestMethod)});
  }
  Table table(std::move(columns));
  const auto add = [&](const std::string& name, const Row& bytes) {
    std::vector<std::string> row{name};
    for (const json& record : records) {
      const auto value = static_cast<double>(bytes(fullest_epoch(record).at("memory")));
      row.push_back(fixed(value / 1024, 1));
    }
    table.add(std::move(row));
  };
  for (const std::string_view category : kMemoryCategoryNames) {
    const std::string name(category);
    add(name, [&](const json& memory) { return memory.at("peak_bytes").value(name, int64_t{0}); });
  }
  add("live", live);
  add("alignment and gaps", [&](const json& m) { return reserved(m) - live(m); });
  add("reserved", reserved);
  std::printf("\n%s", table.text().c_str());
}

void print_comparison(const std::vector<json>& records) {
  std::printf("%-14s %8s %8s %9s %8s  %-18s %12s %10s %9s %7s\n", "method", "before %", "after %",
              "loss", "ms/step", "budget used", "reserved MiB", "inputs KiB", "masks KiB", "dW -%");
  for (const json& record : records) print_row(record);
  std::printf(
      "\nbefore / after: top-1 on the test (else validation) images. loss: training, last epoch.\n"
      "budget used: elements per sample, mean over the epochs. reserved: all memory of a step.\n"
      "inputs, masks: kept from forward for backward, per sample. dW -%%: multiply-adds of the\n"
      "convs' weight gradients saved against computing every channel, mean over the epochs.\n");
  print_memory(records);
}

void compare(const std::vector<std::string>& runs) {
  std::vector<json> records;  // all are read, and found valid, before anything is printed
  records.reserve(runs.size());
  for (const std::string& run : runs) records.push_back(read_record(run));
  print_comparison(records);
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
