#include "tools/json_output.h"

#include "engine/atomic_file.h"
#include "engine/error.h"

namespace trady::tools {

void add_json_option(CLI::App& command, std::string& file) {
  command.add_option("--json", file, "write the result to this file too");
}

void require_writable(const std::string& option, const std::filesystem::path& file) {
  try {
    const AtomicFile probe(file, 0);  // never committed: leaves nothing behind
  } catch (const Error& error) {
    fail(option, ": ", error.what());
  }
}

void write_json(const std::string& file, const nlohmann::json& json) {
  if (file.empty()) return;
  // Names of files may be in any encoding.
  constexpr auto kReplaceBadBytes = nlohmann::json::error_handler_t::replace;
  write_file_atomically(file, json.dump(1, ' ', /*ensure_ascii=*/false, kReplaceBadBytes) + "\n");
}

}  // namespace trady::tools
