// trady inspect: what a file of weights, a layer ranking or a run's record holds.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/data/input_file.h"
#include "engine/error.h"
#include "engine/safetensors.h"
#include "models/model_file.h"
#include "selection/ranking.h"
#include "tools/commands.h"
#include "tools/run_record.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

constexpr size_t kLongestText = 100;
constexpr size_t kLongestName = 60;

struct Statistics {
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double mean = 0;  ///< of the finite values, as min and max
  int64_t nan = 0, infinite = 0;
};

Statistics statistics_of(const std::vector<double>& values) {
  Statistics s;
  int64_t finite = 0;
  for (double value : values) {
    if (std::isnan(value)) {
      ++s.nan;
    } else if (std::isinf(value)) {
      ++s.infinite;
    } else {
      s.min = std::min(s.min, value);
      s.max = std::max(s.max, value);
      s.mean += (value - s.mean) / static_cast<double>(++finite);
    }
  }
  return s;
}

std::vector<std::string> statistics_cells(const SafetensorsFile& file, const std::string& name) {
  constexpr std::string_view kFloats[] = {"F16", "BF16", "F32", "F64"};
  if (std::ranges::find(kFloats, file.entry(name).dtype) == std::end(kFloats)) {
    return {"", "", "", "", ""};
  }
  const Statistics s = statistics_of(file.read_doubles(name));
  const bool any = s.min <= s.max;
  const auto cell = [&](double value) { return any ? fixed(value, 5) : std::string(); };
  return {cell(s.min), cell(s.mean), cell(s.max), concat(s.nan), concat(s.infinite)};
}

void print_network(const SafetensorsFile& file) {
  try {
    const models::ModelFile described = models::describe(file);
    std::printf(
        "network: %s, %lld x %lld px, %lld classes%s\n",
        described.model.empty() ? "not named" : shortened(described.model, kLongestName).c_str(),
        static_cast<long long>(described.options.image_size),
        static_cast<long long>(described.options.image_size),
        static_cast<long long>(described.options.classes),
        described.options.mix ? ", with the mix conv" : "");
  } catch (const Error& error) {
    std::printf("network: none that trady can load (%s)\n",
                shortened(error.what(), 2 * kLongestText).c_str());
  }
}

void inspect_weights(const std::string& path) {
  const auto file = SafetensorsFile::open(path);
  std::printf("%s: safetensors\n", path.c_str());
  print_network(file);
  for (const auto& [key, value] : file.metadata()) {
    std::printf("metadata %s: %s\n", shortened(key, kLongestName).c_str(),
                shortened(value, kLongestText).c_str());
  }

  using Align = Table::Align;
  Table table({{"tensor", Align::left},
               {"type", Align::left},
               {"shape", Align::left},
               {"bytes"},
               {"min"},
               {"mean"},
               {"max"},
               {"NaN"},
               {"inf"}});
  int64_t elements = 0;
  uint64_t bytes = 0;
  for (const std::string& name : file.names()) {
    const SafetensorsEntry& entry = file.entry(name);
    std::vector<std::string> row{shortened(name, kLongestName), entry.dtype,
                                 shape_text(entry.shape),
                                 thousands(static_cast<int64_t>(entry.bytes()))};
    std::ranges::move(statistics_cells(file, name), std::back_inserter(row));
    table.add(std::move(row));
    elements += entry.elements();
    bytes += entry.bytes();
  }
  std::printf("\n%s\n%zu tensors, %s parameters, %s bytes\n", table.text().c_str(),
              file.names().size(), thousands(elements).c_str(),
              thousands(static_cast<int64_t>(bytes)).c_str());
}

void inspect_ranking(const std::string& path, const std::string& text) {
  const Ranking ranking = parse_ranking(text, path);
  std::printf("%s: layer ranking of %s (%d convs, %d px)\nsource: %s\n", path.c_str(),
              shortened(ranking.network, kLongestName).c_str(), ranking.conv_count,
              ranking.image_size, shortened(ranking.source, 2 * kLongestText).c_str());
  if (!ranking.command.empty()) {
    std::printf("command: %s\n", shortened(ranking.command, ranking.command.size()).c_str());
  }
  std::printf("K = %d, %s %% of the RGN\n", ranking.k,
              fixed(ranking.cumulative_percent[static_cast<size_t>(ranking.k) - 1], 2).c_str());
  std::printf("order:");
  for (int conv : ranking.descending_rgn) std::printf(" %d", conv);
  std::printf("\n");
}

std::string accuracy_of(const nlohmann::json& epoch, const char* split) {
  if (!epoch.contains(split) || !epoch.at(split).is_object()) return "";
  return percent(epoch.at(split).at("accuracy").get<double>(), 2);
}

void inspect_run(const std::string& path, const RunRecord& record) {
  const nlohmann::json& run = record.json();
  const auto& settings = run.at("settings");
  const auto& epochs = run.at("epochs");
  const auto word = [&](const char* key) {
    const nlohmann::json& value = settings.at(key);
    return value.is_string() ? shortened(value.get<std::string>(), kLongestText) : value.dump();
  };
  std::printf("%s: run of trady %s: %s on %s\n", path.c_str(),
              shortened(run.at("trady").get<std::string>(), kLongestName).c_str(),
              word("method").c_str(), word("data").c_str());
  std::printf("model %s, weights %s, budget %s, lr %s, batch %s, seed %s\n", word("model").c_str(),
              word("weights").c_str(), word("budget").c_str(), word("learning_rate").c_str(),
              word("batch").c_str(), word("seed").c_str());
  std::printf("%d of %lld epochs\n", record.epochs_done(),
              static_cast<long long>(record.epochs_asked()));
  Table table(
      {{"epoch"}, {"loss"}, {"train"}, {"val"}, {"test"}, {"budget used"}, {"reserved bytes"}});
  for (const auto& epoch : epochs) {
    table.add(
        {concat(epoch.at("epoch").get<int64_t>() + 1), fixed(epoch.at("loss").get<double>(), 4),
         percent(epoch.at("train_accuracy").get<double>(), 2), accuracy_of(epoch, "val"),
         accuracy_of(epoch, "test"), thousands(epoch.at("budget_used_elements").get<int64_t>()),
         thousands(epoch.at("memory").at("reserved_bytes").get<int64_t>())});
  }
  std::fputs(table.text("  ").c_str(), stdout);
}

void inspect_json(const std::string& path, const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) fail(path, ": is neither safetensors nor valid JSON; was it cut off?");
  if (json.is_object() && json.contains("descending_rgn")) return inspect_ranking(path, text);
  if (!json.is_object() || !json.contains("format") || json.at("format") != "trady run") {
    fail(path, ": is JSON, but neither a layer ranking nor the record of a run");
  }
  inspect_run(path, RunRecord::parse(text, {path, kRunJsonRemedy}));
}

enum class FileKind { weights, json, pickle };

/// By the first bytes: a safetensors file begins with the length of its header, whose upper bytes
/// are 0, a PyTorch checkpoint is a zip archive.
FileKind kind_of(const std::string& path) {
  constexpr int64_t kLengthBytes = 8;
  const InputFile file(path);
  std::string head(static_cast<size_t>(std::min(file.size_bytes(), kLengthBytes)), '\0');
  file.read_at(0, head.data(), static_cast<int64_t>(head.size()));
  if (head.starts_with("PK\x03\x04") || head.starts_with("\x80\x02")) return FileKind::pickle;
  const size_t first = head.find_first_not_of(" \t\r\n");
  const bool opens = first != std::string::npos && (head[first] == '{' || head[first] == '[');
  return opens && head.find('\0') == std::string::npos ? FileKind::json : FileKind::weights;
}

void inspect(const std::string& path) {
  constexpr int64_t kLargestJson = int64_t{256} << 20;
  switch (kind_of(path)) {
    case FileKind::weights:
      return inspect_weights(path);
    case FileKind::json: {
      const std::vector<uint8_t> bytes = read_whole_file(path, kLargestJson);
      return inspect_json(path, std::string(bytes.begin(), bytes.end()));
    }
    case FileKind::pickle:
      fail(path, ": is a pickled checkpoint, which trady does not open; convert it with ",
           kConverter);
  }
}

}  // namespace

void add_inspect(CLI::App& app) {
  const auto file = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("inspect", "What a file of weights, a ranking or a run's record holds");
  command->add_option("file", *file, "safetensors, ranking JSON or run.json")->required();
  command->footer(
      "Examples:\n"
      "  trady inspect mbv2.safetensors\n"
      "  trady inspect runs/flowers/run.json\n"
      "  trady inspect mcunet-ranking.json\n"
      "Weights are shown tensor by tensor: type, shape, bytes, range, and how many are not "
      "finite.");
  command->callback([file] { inspect(*file); });
}

}  // namespace trady::tools
