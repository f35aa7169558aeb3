#include "tools/json_output.h"

#include <algorithm>

#include "engine/atomic_file.h"
#include "engine/error.h"
#include "tools/run_folder.h"

namespace trady::tools {

void add_json_option(CLI::App& command, std::string& file) {
  command.add_option("--json", file, "write the result to this file too");
}

namespace {

namespace fs = std::filesystem;

/// Whether writing `file` would replace `input`, or what is in it already and is no earlier result.
bool would_replace(const fs::path& file, const fs::path& input) {
  std::error_code error;  // where one of them does not exist
  if (fs::equivalent(file, input, error)) return true;
  if (!fs::is_directory(input, error) || !fs::exists(file, error)) return false;
  if (file.extension() == ".json" || file.extension() == ".html") return false;
  const fs::path real = fs::canonical(file, error), folder = fs::canonical(input, error);
  return std::ranges::mismatch(folder, real).in1 == folder.end();
}

}  // namespace

void require_writable(const std::string& option, const fs::path& file,
                      const std::vector<fs::path>& inputs) {
  for (const fs::path& input : inputs) {
    if (input.empty() || !would_replace(file, input)) continue;
    fail(option, " ", file.string(), ": would replace what is read from ", input.string(),
         "; choose another file");
  }
  if (is_file_of_run(file)) {
    fail(option, " ", file.string(), ": would replace what a run has left in its folder; choose ",
         "another file");
  }
  try {
    const AtomicFile probe(file, 0);  // never committed: leaves nothing behind
  } catch (const Error& unwritable) {
    fail(option, ": ", unwritable.what());
  }
}

std::string json_text(const nlohmann::json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json with_valid_text(const nlohmann::json& json) {
  return nlohmann::json::parse(json_text(json));
}

void write_json(const std::string& file, const nlohmann::json& json) {
  if (file.empty()) return;
  write_file_atomically(file, json_text(json, 1) + "\n");
}

}  // namespace trady::tools
