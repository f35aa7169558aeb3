// trady plan: what a method will cost on a network, before any data is read.
#include <memory>

#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/number_checks.h"
#include "tools/plan_report.h"

namespace trady::tools {

void add_plan(CLI::App& app) {
  const auto options = std::make_shared<PlanOptions>();
  CLI::App* command =
      app.add_subcommand("plan", "Costs, memory and work of a method, without any data");
  add_model_options(*command, options->model);
  add_method_options(*command, options->method);
  command
      ->add_option("--classes-count", options->classes,
                   "of the classifier (default: what --weights says, else 1000)")
      ->transform(whole_number(1, 1000000));
  command->add_option("--momentum", options->momentum, "of SGD, for its memory")
      ->check(real_number(0, kMaxMomentum))
      ->capture_default_str();
  command->add_option("--epoch", options->epoch, "whose draw to show, counted from 0")
      ->transform(whole_number(0, kMaxEpochs))
      ->capture_default_str();
  add_json_option(*command, options->json);
  command->footer(
      "Examples:\n"
      "  The smallest budget of the paper, fine-tuning to 12 classes:\n"
      "    trady plan --weights mbv2.safetensors --classes-count 12 --budget 27946\n"
      "  What full fine-tuning would take, for comparison; no weights are needed:\n"
      "    trady plan --model mbv2-w0.35 --classes-count 12 --method full\n"
      "  Whether a step fits in 4.5 MiB, and what gives way for that:\n"
      "    trady plan --model mbv2-w0.35 --budget 27946 --memory-limit 4.5MiB\n"
      "A unit is one input channel of one conv; theta is what updating it costs per sample.");
  command->callback([options] {
    if (!options->json.empty()) {
      require_writable("--json", options->json,
                       {options->model.weights, options->method.pool.value_or("")});
    }
    const PlanReport plan(*options);
    plan.print();
    write_json(options->json, plan.json());
  });
}

}  // namespace trady::tools
