#include "engine/step/memory_report.h"

#include "engine/error.h"

namespace trady {

CategoryBytes MemoryReport::peak() const {
  CategoryBytes sum = shared;
  for (int worker = 0; worker < workers; ++worker) sum += lane_peak;
  return sum;
}

std::string MemoryReport::description() const {
  std::string text = concat(reserved, " bytes, at its peak ");
  const CategoryBytes most = peak();
  bool first = true;
  for (size_t i = 0; i < most.bytes.size(); ++i) {
    if (most.bytes[i] == 0) continue;
    text += concat(first ? "" : ", ", most.bytes[i], " of ", kMemoryCategoryNames[i]);
    first = false;
  }
  return text;
}

MemoryReport planned_memory(const StepProgram& program, const Parameters& parameters,
                            int64_t optimizer_bytes, int workers) {
  MemoryReport report;
  report.shared = program.shared_plan().live_at(0);
  report.shared[MemoryCategory::weights] += parameters.value_bytes();
  report.shared[MemoryCategory::optimizer_state] += optimizer_bytes;
  report.shared[MemoryCategory::workspace] += parameters.backend().workspace_bytes();
  report.lane_peak = program.lane_plan().peak();
  report.workers = workers;
  report.reserved = parameters.backend().workspace_bytes() + parameters.reserved_bytes() +
                    optimizer_bytes + program.shared_plan().reserved_bytes() +
                    workers * program.lane_plan().reserved_bytes();
  return report;
}

SavedBytes saved_for_backward(const StepProgram& program) {
  SavedBytes saved;
  const int loss_time = static_cast<int>(program.steps().size()) - 1;
  for (const Buffer& buffer : program.lane_plan().buffers()) {
    if (buffer.first > loss_time || buffer.last <= loss_time) continue;
    switch (buffer.category) {
      case MemoryCategory::saved_inputs:
      case MemoryCategory::activations:
        saved.inputs += buffer.bytes;
        break;
      case MemoryCategory::masks:
        saved.masks += buffer.bytes;
        break;
      default:
        break;
    }
  }
  return saved;
}

}  // namespace trady
