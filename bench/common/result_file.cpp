#include "bench/common/result_file.h"

#include <sys/utsname.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "bench/common/gpu_energy.h"
#include "engine/atomic_file.h"
#include "tools/version.h"

namespace trady::bench {

namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string system_name() {
  utsname name{};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.machine;
}

std::string commit() {
  if (const char* given = std::getenv("TRADY_COMMIT")) return given;
  FILE* git = popen("git rev-parse HEAD 2>/dev/null", "r");
  if (git == nullptr) return "unknown";
  std::array<char, 128> line{};
  std::string hash;
  if (std::fgets(line.data(), static_cast<int>(line.size()), git) != nullptr) hash = line.data();
  pclose(git);
  while (!hash.empty() && hash.back() == '\n') hash.pop_back();
  return hash.empty() ? "unknown" : hash;
}

/// As one would type it.
std::string shell_quoted(const std::string& word) {
  constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=+%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// The program without its folder: where it was built says nothing.
std::string command_line(int argc, char** argv) {
  const std::string program = argv[0];
  std::string command = program.substr(program.rfind('/') + 1);
  for (int i = 1; i < argc; ++i) command += " " + shell_quoted(argv[i]);
  return command;
}

}  // namespace

nlohmann::json provenance(const std::string& bench, int argc, char** argv,
                          const kernels::Backend& backend) {
  nlohmann::json result{{"bench", bench},
                        {"machine",
                         {{"cpu", cpu_model()},
                          {"cores", std::thread::hardware_concurrency()},
                          {"isa", backend.isa()},
                          {"system", system_name()}}},
                        {"commit", commit()},
                        {"command", command_line(argc, argv)},
                        {"versions",
                         {{"trady", tools::version()},
                          {"compiler", tools::build_description()},
                          {"onednn", TRADY_ONEDNN_VERSION}}}};
  if (!backend.on_host()) {
    result["machine"]["gpu"] = GpuMeter().describe();
    result["versions"]["cuda"] = TRADY_CUDA_VERSION;
  }
  return result;
}

nlohmann::json json_of(const TimedSide& side) {
  return {{"median", side.quartiles.median},
          {"lower_quartile", side.quartiles.lower},
          {"upper_quartile", side.quartiles.upper},
          {"samples_ms", side.samples}};
}

nlohmann::json json_of(const TimeRatio& ratio) {
  return {{"of_medians", ratio.of_medians},
          {"by_round",
           {{"median", ratio.by_round.median},
            {"lower_quartile", ratio.by_round.lower},
            {"upper_quartile", ratio.by_round.upper}}}};
}

void write_result(const std::string& path, const nlohmann::json& result) {
  if (path.empty()) return;
  write_file_atomically(path, result.dump(1) + "\n");
  std::printf("written to %s\n", path.c_str());
}

}  // namespace trady::bench
