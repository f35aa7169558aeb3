// --json FILE: results for programs, beside the text for people.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace trady::tools {

void add_json_option(CLI::App& command, std::string& file);

/// Error now if nothing could be written there: better before minutes of work than after. Error
/// also if the file is one of `inputs`, or a picture or the like in one that is a folder, or is of
/// a run's folder, by whatever name.
void require_writable(const std::string& option, const std::filesystem::path& file,
                      const std::vector<std::filesystem::path>& inputs);

/// As valid JSON, whatever the encoding of the paths in it: bytes that are not UTF-8 are replaced.
/// `indent` as nlohmann's dump.
std::string json_text(const nlohmann::json& json, int indent = -1);
/// The same replacement, still as a value: equal to what is read back from `json_text`.
nlohmann::json with_valid_text(const nlohmann::json& json);

/// Writes atomically; does nothing for an empty name.
void write_json(const std::string& file, const nlohmann::json& json);

}  // namespace trady::tools
