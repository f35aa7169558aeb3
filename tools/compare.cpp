// trady compare: runs side by side.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "engine/error.h"
#include "tools/commands.h"
#include "tools/run_folder.h"
#include "tools/run_record.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

using nlohmann::json;

RunRecord read_record(const std::string& folder) {
  RunRecord record = RunRecord::read_in(folder);
  if (record.epochs_done() == 0) fail(folder, ": no epoch is finished yet");
  return record;
}

/// "20", or "12 of 20" of a run that was stopped.
std::string epochs(const RunRecord& run) {
  return run.is_over() ? concat(run.epochs_done())
                       : concat(run.epochs_done(), " of ", run.epochs_asked());
}

std::string method(const json& record) {
  constexpr size_t kLongest = 14;  // as any method's; a file may hold any
  return shortened(record.at("settings").at("method").get<std::string>(), kLongest);
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

std::string budget_used(const json& record) {
  if (!record.contains("budget_elements")) return "-";
  const double used =
      mean_over_epochs(record.at("epochs"), json::json_pointer("/budget_used_elements"));
  return concat(std::lround(used), " of ", record.at("budget_elements").get<int64_t>());
}

std::vector<std::string> row_of(const RunRecord& run) {
  const json& record = run.json();
  const json& epochs_of_run = record.at("epochs");
  const double samples = record.at("environment").at("micro_batch").get<double>();
  const auto kib_per_sample = [&](const char* field) {
    return fixed(largest(epochs_of_run, json::json_pointer(field)) / samples / 1024, 1);
  };
  return {
      method(record),
      epochs(run),
      accuracy(record.at("before")),
      accuracy(epochs_of_run.back()),
      fixed(epochs_of_run.back().at("loss").get<double>(), 4),
      fixed(step_ms(epochs_of_run), 2),
      budget_used(record),
      fixed(largest(epochs_of_run, json::json_pointer("/memory/reserved_bytes")) / 1048576, 2),
      kib_per_sample("/saved_for_backward_bytes/inputs"),
      kib_per_sample("/saved_for_backward_bytes/masks"),
      fixed(100 * mean_over_epochs(epochs_of_run, json::json_pointer("/grad_weight_saved")), 2)};
}

/// The epoch whose selection reserved most.
const json& fullest_epoch(const json& record) {
  return *std::ranges::max_element(record.at("epochs"), {}, [](const json& epoch) {
    return epoch.at("memory").at("reserved_bytes").get<int64_t>();
  });
}

void print_memory(const std::vector<RunRecord>& runs) {
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
  for (const RunRecord& run : runs) columns.push_back({method(run.json())});
  Table table(std::move(columns));
  const auto add = [&](const std::string& name, const Row& bytes) {
    std::vector<std::string> row{name};
    for (const RunRecord& run : runs) {
      const auto value = static_cast<double>(bytes(fullest_epoch(run.json()).at("memory")));
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

/// Its numbers are not those of the run that was asked for.
void print_unfinished(const std::string& folder, const RunRecord& run) {
  const std::string text =
      concat("unfinished: ", folder, " has ", epochs(run), " epochs; continue with\n",
             "  trady finetune --config ", shell_word(RunFiles(folder).record().string()),
             " --out ", shell_word(folder), " --resume\n");
  std::printf("%s\n", printable(text).c_str());
}

void print_comparison(const std::vector<std::string>& folders, const std::vector<RunRecord>& runs) {
  Table table({{"method", Table::Align::left},
               {"epochs"},
               {"before %"},
               {"after %"},
               {"loss"},
               {"ms/step"},
               {"budget used"},
               {"reserved MiB"},
               {"inputs KiB"},
               {"masks KiB"},
               {"dW -%"}});
  for (const RunRecord& run : runs) table.add(row_of(run));
  std::printf("%s\n", table.text().c_str());
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!runs[i].is_over()) print_unfinished(folders[i], runs[i]);
  }
  std::printf(
      "before / after: top-1 on the test (else validation) images. loss: training, last epoch.\n"
      "budget used: elements per sample, mean over the epochs. reserved: all memory of a step.\n"
      "inputs, masks: kept from forward for backward, per sample. dW -%%: multiply-adds of the\n"
      "convs' weight gradients saved against computing every channel, mean over the epochs.\n");
  print_memory(runs);
}

void compare(const std::vector<std::string>& folders) {
  std::vector<RunRecord> runs;  // all are read, and found valid, before anything is printed
  runs.reserve(folders.size());
  for (const std::string& folder : folders) runs.push_back(read_record(folder));
  print_comparison(folders, runs);
}

}  // namespace

void add_compare(CLI::App& app) {
  const auto runs = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("compare", "Runs side by side");
  command->add_option("RUN", *runs, "folders that `trady finetune --out` wrote")->required();
  command->footer("Example:\n  trady compare runs/head runs/trady runs/full");
  command->callback([runs] { compare(*runs); });
}

}  // namespace trady::tools
