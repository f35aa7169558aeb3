// trady finetune: adapt a pretrained network to new images under a memory budget.
#include <memory>

#include "tools/commands.h"
#include "tools/config_option.h"
#include "tools/finetune_run.h"
#include "tools/progress.h"

namespace trady::tools {

void add_finetune(CLI::App& app) {
  const auto options = std::make_shared<FinetuneOptions>();
  CLI::App* command =
      app.add_subcommand("finetune", "Adapt a pretrained network to new images under a budget");
  add_config_option(*command);
  add_model_options(*command, options->model);
  add_calibration_option(*command, options->model);
  add_method_options(*command, options->method);
  add_data_options(*command, options->data);
  add_training_options(*command, options->training);
  command->add_option("--out", options->out, "folder for run.json, checkpoint and weights")
      ->required();
  command->add_flag("--resume", options->resume, "continue the run in --out where it was stopped");
  add_progress_option(*command, options->progress);
  command->footer(
      "Examples:\n"
      "  The method of the paper, with its smallest budget:\n"
      "    trady finetune --weights mbv2.safetensors --data flowers --method trady \\\n"
      "          --budget 27946 --epochs 15 --warmup 5 --lr 0.03 --out runs/flowers\n"
      "  The same in at most 4.5 MiB, everything counted:\n"
      "    trady finetune ... --memory-limit 4.5MiB\n"
      "  Only the classifier, as a baseline:\n"
      "    trady finetune --weights mbv2.safetensors --data flowers --method head --out runs/head\n"
      "  After Ctrl-C or a power cut: the same command with --resume.\n"
      "  That run again, and with another seed:\n"
      "    trady finetune --config runs/flowers/run.json --out runs/again\n"
      "    trady finetune --config runs/flowers/run.json --seed 1 --out runs/flowers-1\n"
      "`trady plan` shows costs and memory before anything runs.");
  command->callback([options, command] {
    options->given = given_options(*command);
    options->resume_line = resume_line(*command);
    FinetuneRun(*options).run();
  });
}

}  // namespace trady::tools
