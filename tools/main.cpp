// trady: fine-tune pretrained networks under a memory budget.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/suggest.h"
#include "tools/commands.h"
#include "tools/text.h"
#include "tools/version.h"

namespace {

/// CLI11 says only that a sub-command is missing when the first word is not one.
void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == argv[1]) return;
    names.push_back(command->get_name());
  }
  trady::fail("there is no command '", argv[1], "'", trady::suggestion(argv[1], names),
              "; there are ", trady::join(names));
}

/// A line with the nearest name for every option that CLI11 did not know.
std::string option_suggestions(const CLI::App& app) {
  constexpr size_t kShown = 60;
  std::string lines;
  std::vector<const CLI::App*> levels{&app};
  for (const CLI::App* command : app.get_subcommands()) levels.push_back(command);
  for (const CLI::App* level : levels) {
    std::vector<std::string> names;
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    for (const std::string& word : level->remaining()) {
      if (!word.starts_with("--")) continue;
      const std::string name = word.substr(0, word.find('='));
      lines += trady::concat("there is no option ", trady::tools::shortened(name, kShown),
                             trady::suggestion(name, names), "\n");
    }
  }
  return lines;
}

bool asks_for_help(const CLI::App& app) {
  std::vector<const CLI::App*> levels{&app};
  for (const CLI::App* command : app.get_subcommands()) levels.push_back(command);
  return std::ranges::any_of(
      levels, [](const CLI::App* level) { return level->get_help_ptr()->count() > 0; });
}

/// CLI11 takes the values of options before it looks whether help is asked for, and help is what
/// somebody needs whose values are wrong.
void parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const std::exception&) {
    if (asks_for_help(app)) throw CLI::CallForHelp();
    throw;
  }
}

int report(const std::string& problem, int status) {
  std::cerr << "trady: " << trady::tools::printable(problem) << "\n";
  return status;
}

int run(CLI::App& app, int argc, char** argv) {
  constexpr int kInterruptedExit = 130;  // as shells report SIGINT
  try {
    check_command(app, argc, argv);
    parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    if (status != 0) std::cerr << option_suggestions(app);
    return status;
  } catch (const trady::Interrupted& error) {
    return report(error.what(), kInterruptedExit);
  } catch (const std::bad_alloc&) {
    return report("out of memory; use a smaller --cache or --batch", 1);
  } catch (const std::exception& error) {
    return report(error.what(), 1);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Fine-tunes pretrained networks under a memory budget: the backward pass stores and "
      "computes\n"
      "weight gradients only for the channels that are selected. The method decides which, once "
      "or\n"
      "before every epoch.\n"};
  app.name("trady");
  app.set_version_flag("--version", trady::tools::version());
  app.require_subcommand(1);
  app.footer(
      "A first run:\n"
      "  trady-convert mbv2-w0.35.pkl mbv2.safetensors\n"
      "  trady plan --weights mbv2.safetensors --method trady --budget 27946\n"
      "  trady finetune --weights mbv2.safetensors --data flowers --method trady --budget 27946 "
      "\\\n"
      "        --out runs/flowers\n"
      "  trady predict runs/flowers/weights.safetensors photo.jpg\n"
      "`trady COMMAND --help` explains each command by example. In a source tree trady-convert is\n"
      "tools/convert_checkpoint.py.");
  trady::tools::add_finetune(app);
  trady::tools::add_plan(app);
  trady::tools::add_rank(app);
  trady::tools::add_eval(app);
  trady::tools::add_predict(app);
  trady::tools::add_inspect(app);
  trady::tools::add_compare(app);
  trady::tools::add_export(app);
  trady::tools::add_report(app);

  const int status = run(app, argc, argv);
  // Whoever reads the output must not take half of it for all.
  const bool complete = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (status == 0 && !complete) {
    return report("standard output could not be written completely; is the disk full?", 1);
  }
  return status;
}
