// run.json: everything that a run was made of and what came out of it, epoch by epoch.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/step/memory_report.h"
#include "engine/update_plan.h"
#include "selection/cost_model.h"
#include "tools/record_format.h"

namespace trady::tools {

/// {"weights": bytes, ...} of every category.
nlohmann::json json_of(const CategoryBytes& bytes);
nlohmann::json json_of(const MemoryReport& report);
/// Selected channels, cost and dW multiply-adds of each updated conv. Channels are input channels
/// unless "side" says "outputs"; "bias" where that is trained too.
nlohmann::json json_of(const UpdatePlan& plan, const CostModel& costs);

/// Where a run.json is damaged.
constexpr const char* kRunJsonRemedy =
    "bring it back, or let `trady finetune ... --resume` write it anew from the checkpoint";

class RunRecord {
 public:
  /// `settings` say what was asked for. `environment` says by what it was done: `build`, `device`,
  /// `isa` and `micro_batch` decide how sums are rounded, the rest decides no bit.
  RunRecord(nlohmann::json settings, nlohmann::json environment);
  /// From the record inside of a checkpoint. Error if it is damaged (tools/record_format.h).
  static RunRecord parse(const std::string& text, const RecordOrigin& origin);
  /// From the run.json in a run's folder; the same errors, and one if there is none.
  static RunRecord read_in(const std::filesystem::path& folder);

  /// Error that lists every setting that differs from `wanted`.
  void require_same_settings(const nlohmann::json& wanted, const std::string& origin) const;

  /// The same for what the options name (tools/run_inputs.h), which `found` describes as it is now.
  void require_same_inputs(const nlohmann::json& found, const std::string& origin) const;

  /// Notes that the run goes on in `environment`. Returns a line for everything there that rounds
  /// differently from where the run was started; nothing if the weights will be the same bytes.
  std::string resume_in(const nlohmann::json& environment);

  /// Whether `other` differs in nothing but how it was resumed and what its next epoch keeps.
  bool is_of_same_run(const RunRecord& other) const;

  int epochs_done() const;
  int64_t epochs_asked() const;
  /// Whether no epoch is left.
  bool is_over() const { return epochs_done() >= epochs_asked(); }
  void add_epoch(nlohmann::json epoch);
  nlohmann::json& operator[](const std::string& key) { return json_[key]; }
  const nlohmann::json& json() const { return json_; }
  /// Valid UTF-8, whatever paths the settings hold.
  std::string text() const;
  void write(const std::filesystem::path& path) const;

 private:
  explicit RunRecord(nlohmann::json json) : json_(std::move(json)) {}
  nlohmann::json json_;
};

}  // namespace trady::tools
