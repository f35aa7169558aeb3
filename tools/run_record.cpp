#include "tools/run_record.h"

#include "engine/atomic_file.h"
#include "engine/data/input_file.h"
#include "engine/error.h"
#include "tools/json_output.h"
#include "tools/run_folder.h"
#include "tools/text.h"
#include "tools/version.h"

namespace trady::tools {

nlohmann::json json_of(const CategoryBytes& bytes) {
  nlohmann::json json;
  for (int i = 0; i < kMemoryCategories; ++i) {
    json[std::string(kMemoryCategoryNames[static_cast<size_t>(i)])] =
        bytes.bytes[static_cast<size_t>(i)];
  }
  return json;
}

nlohmann::json json_of(const MemoryReport& report) {
  return {{"shared_bytes", json_of(report.shared)},
          {"worker_peak_bytes", json_of(report.lane_peak)},
          {"workers", report.workers},
          {"peak_bytes", json_of(report.peak())},
          {"reserved_bytes", report.reserved}};
}

nlohmann::json json_of(const UpdatePlan& plan, const CostModel& costs) {
  nlohmann::json layers = nlohmann::json::array();
  for (int i = 0; i < costs.conv_count(); ++i) {
    const LayerUpdate& update = plan.convs[static_cast<size_t>(i)];
    if (!update.updates_anything()) continue;
    nlohmann::json layer{{"conv", i},
                         {"name", costs.convs()[static_cast<size_t>(i)].name},
                         {"elements", costs.layer(i, update).total()},
                         {"multiply_adds", costs.layer_multiply_adds(i, update)}};
    if (update.kind == LayerUpdate::Kind::all) {
      layer["channels"] = "all";
    } else {
      layer["channels"] = update.channels;
    }
    if (update.kind == LayerUpdate::Kind::output_channels) layer["side"] = "outputs";
    if (update.train_bias) layer["bias"] = true;
    layers.push_back(std::move(layer));
  }
  return layers;
}

namespace {

/// Of two lists only the first place that differs: there may be a thousand classes.
std::string difference(const std::string& key, const nlohmann::json& was,
                       const nlohmann::json& now) {
  constexpr size_t kShown = 200;
  if (was.is_array() && now.is_array() && was.size() == now.size()) {
    for (size_t i = 0; i < was.size(); ++i) {
      if (was[i] != now[i]) return difference(concat(key, "[", i, "]"), was[i], now[i]);
    }
  }
  const auto text = [](const nlohmann::json& value) {
    return value.is_array() ? concat("a list of ", value.size())
                            : shortened(json_text(value), kShown);
  };
  return concat("\n  ", key, ": was ", text(was), ", now ", text(now));
}

/// A line for every member of `now` that `was` lacks or has otherwise.
std::string differences(const nlohmann::json& was, const nlohmann::json& now) {
  std::string lines;
  for (const auto& [key, value] : now.items()) {
    const nlohmann::json old = was.value(key, nlohmann::json());
    if (old != value) lines += difference(key, old, value);
  }
  return lines;
}

}  // namespace

RunRecord::RunRecord(nlohmann::json settings, nlohmann::json environment)
    : json_{{"format", "trady run"},
            {"format_version", kRecordFormatVersion},
            {"trady", version()},
            {"settings", std::move(settings)},
            {"environment", std::move(environment)},
            {"epochs", nlohmann::json::array()}} {}

RunRecord RunRecord::parse(const std::string& text, const RecordOrigin& origin) {
  // Comparing and printing values takes stack for every level: a file must not decide how much.
  constexpr int kDeepest = 64;
  const auto refuse_deep = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    if (depth <= kDeepest) return true;
    fail(origin.file, ": the record of the run is damaged: values within values, more than ",
         kDeepest, " deep; ", origin.remedy);
  };
  auto json = nlohmann::json::parse(text, refuse_deep, /*allow_exceptions=*/false);
  require_valid_record(json, origin);
  return RunRecord(std::move(json));
}

RunRecord RunRecord::read_in(const std::filesystem::path& folder) {
  constexpr int64_t kLargest = int64_t{256} << 20;  // far above years of epochs
  const RunFiles run(folder);
  const std::filesystem::path file = run.record();
  if (!std::filesystem::exists(file)) {
    if (std::filesystem::is_regular_file(folder)) {
      fail(folder.string(), ": is a file; name the folder that it is in, the --out of the run");
    }
    if (!run.can_be_resumed()) {
      fail(file.string(), ": does not exist; is ", folder.string(), " the --out of a run?");
    }
    fail(file.string(), ": does not exist, but a checkpoint beside it; ", kRunJsonRemedy);
  }
  const std::vector<uint8_t> bytes = read_whole_file(file, kLargest);
  return parse(std::string(bytes.begin(), bytes.end()), {file.string(), kRunJsonRemedy});
}

void RunRecord::require_same_settings(const nlohmann::json& wanted,
                                      const std::string& origin) const {
  const std::string lines = differences(json_["settings"], wanted);
  if (lines.empty()) return;
  fail(origin, ": the run was started with other settings; resume with the same ones or choose ",
       "another --out", lines);
}

void RunRecord::require_same_inputs(const nlohmann::json& found, const std::string& origin) const {
  const std::string lines = differences(json_.value("inputs", nlohmann::json::object()), found);
  if (lines.empty()) return;
  fail(origin, ": what the run was started from has changed since; bring it back or choose ",
       "another --out", lines);
}

std::string RunRecord::resume_in(const nlohmann::json& environment) {
  std::string lines;
  if (json_["trady"] != version()) lines += difference("trady", json_["trady"], version());
  for (const char* key : {"build", "device", "isa"}) {
    const nlohmann::json old = json_["environment"].value(key, nlohmann::json());
    const nlohmann::json now = environment.value(key, nlohmann::json());
    if (old != now) lines += difference(key, old, now);
  }
  json_["resumed"].push_back(
      {{"epochs_done", epochs_done()}, {"trady", version()}, {"environment", environment}});
  return lines;
}

std::string RunRecord::text() const {
  return json_text(json_, 1);
}

bool RunRecord::is_of_same_run(const RunRecord& other) const {
  const auto comparable = [](nlohmann::json record) {
    for (const char* key : {"resumed", "step_memory"}) record.erase(key);
    return record;
  };
  return comparable(json_) == comparable(other.json_);
}

int RunRecord::epochs_done() const {
  return static_cast<int>(json_["epochs"].size());
}

int64_t RunRecord::epochs_asked() const {
  const nlohmann::json& settings = json_["settings"];
  return settings["epochs"].get<int64_t>() + settings["warmup"].get<int64_t>();
}

void RunRecord::add_epoch(nlohmann::json epoch) {
  json_["epochs"].push_back(std::move(epoch));
}

void RunRecord::write(const std::filesystem::path& path) const {
  write_file_atomically(path, text() + "\n");
}

}  // namespace trady::tools
