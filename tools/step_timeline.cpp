#include "tools/step_timeline.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/ops/op.h"

namespace trady::tools {

nlohmann::json step_timeline(const StepRunner& runner, const Tape& tape) {
  const MemoryPlan& lane = runner.program().lane_plan();
  const MemoryReport planned = runner.planned();
  const auto op_count = static_cast<int>(tape.ops().size());
  nlohmann::json ops = nlohmann::json::array();
  nlohmann::json bytes = nlohmann::json::object();
  for (int time = 0; time < lane.times(); ++time) {
    const bool backward = time >= op_count;
    const int op = backward ? 2 * op_count - 1 - time : time;
    ops.push_back(concat(backward ? "backward of " : "forward of ",
                         tape.ops()[static_cast<size_t>(op)]->name()));
    const CategoryBytes live = lane.live_at(time);
    for (size_t i = 0; i < live.bytes.size(); ++i) {
      bytes[std::string(kMemoryCategoryNames[i])].push_back(planned.shared.bytes[i] +
                                                            planned.workers * live.bytes[i]);
    }
  }
  for (const std::string_view category : kMemoryCategoryNames) {
    const auto& values = bytes[std::string(category)];
    const bool used =
        std::any_of(values.begin(), values.end(), [](const auto& v) { return v != 0; });
    if (!used) bytes.erase(std::string(category));
  }
  return {{"ops", std::move(ops)}, {"bytes", std::move(bytes)}};
}

}  // namespace trady::tools
