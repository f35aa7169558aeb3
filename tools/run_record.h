// run.json: everything that a run was made of and what came out of it, epoch by epoch.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/step/step_runner.h"
#include "engine/step/step_sizing.h"
#include "selection/cost_model.h"

namespace trady::tools {

/// {"weights": bytes, ...} of every category.
nlohmann::json json_of(const CategoryBytes& bytes);
nlohmann::json json_of(const MemoryReport& report);
/// Selected channels, cost and dW multiply-adds of each updated conv.
nlohmann::json json_of(const UpdatePlan& plan, const CostModel& costs);

class RunRecord {
 public:
  /// `settings` decide the result; `environment` (device, versions, threads) does not.
  RunRecord(nlohmann::json settings, nlohmann::json environment);
  /// From the record inside of a checkpoint. Error if it is damaged.
  static RunRecord parse(const std::string& text, const std::string& origin);

  /// Error that lists every setting that differs from `wanted`.
  void require_same_settings(const nlohmann::json& wanted, const std::string& origin) const;

  int epochs_done() const;
  void add_epoch(nlohmann::json epoch);
  nlohmann::json& operator[](const std::string& key) { return json_[key]; }
  const nlohmann::json& json() const { return json_; }
  std::string text() const { return json_.dump(1); }
  void write(const std::filesystem::path& path) const;

 private:
  explicit RunRecord(nlohmann::json json) : json_(std::move(json)) {}
  nlohmann::json json_;
};

}  // namespace trady::tools
