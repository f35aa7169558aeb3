// --config: what a file says instead of the command line; and what the command line said, as such a
// file.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace trady::tools {

/// Options of `command` that are not on the command line come from the file (tools/config_file.h);
/// each is checked as if it were typed. To be called before any other option is added: the library
/// reads options in this order.
void add_config_option(CLI::App& command);

/// Every option that was given, there or in the file, but those that only a command line may hold.
/// After the command line has been read; `--config` of this repeats it.
nlohmann::json given_options(const CLI::App& command);

/// A line for a shell that runs `command` with what was given, there or in the file, and --resume.
std::string resume_line(const CLI::App& command);

}  // namespace trady::tools
