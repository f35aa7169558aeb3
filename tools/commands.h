// The sub-commands of `trady`, one file each: every function adds its options and what to run.
#pragma once

#include <CLI/CLI.hpp>

namespace trady::tools {

void add_finetune(CLI::App& app);
void add_plan(CLI::App& app);
void add_rank(CLI::App& app);
void add_eval(CLI::App& app);
void add_predict(CLI::App& app);
void add_inspect(CLI::App& app);
void add_compare(CLI::App& app);
void add_export(CLI::App& app);
void add_report(CLI::App& app);

}  // namespace trady::tools
