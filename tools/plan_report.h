// What `trady plan` computes, as JSON and as text.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/step/memory_report.h"
#include "engine/step/step_program.h"
#include "tools/setup.h"

namespace trady::tools {

struct PlanOptions {
  ModelOptions model;
  MethodOptions method;
  std::optional<int64_t> classes;
  double momentum = 0;  ///< only whether there is any: velocities take memory
  int epoch = 0;        ///< whose draw is shown
  std::string json;
};

/// Everything that the command computes; text and JSON only show it.
class PlanReport {
 public:
  explicit PlanReport(PlanOptions options);
  nlohmann::json json() const;
  void print() const;

 private:
  struct Layer {
    const ConvLayer* conv = nullptr;
    bool in_pool = false;
    Work work;  // per sample
  };
  std::vector<Layer> layers() const;
  Work work_per_sample(const Work& of_micro_batch) const;
  int64_t selected(int conv) const;
  int64_t gradient_pass_bytes() const;
  void print_layers() const;
  void print_memory() const;
  void print_work() const;

  PlanOptions o_;
  std::unique_ptr<kernels::Backend> backend_;
  Network network_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<Strategy> strategy_;
  StepSizing sizing_;
  std::unique_ptr<KernelCache> kernels_;
  std::unique_ptr<StepProgram> program_;
  MemoryReport memory_;
  int64_t selecting_bytes_ = 0;  ///< of a gradient pass that the method selects by; 0: none
};

}  // namespace trady::tools
