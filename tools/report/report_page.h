// A run as one HTML page.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/report/test_predictions.h"

namespace trady::tools {

/// Of a record as tools/run_record has checked it; what a record of an older version lacks is left
/// out. `predictions` absent: the page says nothing of single images.
std::string report_page(const nlohmann::json& record,
                        const std::optional<TestPredictions>& predictions);

}  // namespace trady::tools
