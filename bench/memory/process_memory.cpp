#include "bench/memory/process_memory.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "engine/error.h"

namespace trady::bench {

int64_t resident_bytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{1024} * usage.ru_maxrss;
}

nlohmann::json in_own_process(const std::function<nlohmann::json()>& measure) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) fail("no pipe (", std::strerror(errno), ")");
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) fail("no process (", std::strerror(errno), ")");
  if (child == 0) {
    std::string answer;
    try {
      answer = nlohmann::json{{"result", measure()}}.dump();
    } catch (const std::exception& error) {
      answer = nlohmann::json{{"error", error.what()}}.dump();
    }
    FILE* out = fdopen(ends[1], "w");
    const bool written = std::fputs(answer.c_str(), out) >= 0 && std::fclose(out) == 0;
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::string answer;
  std::array<char, 4096> block{};
  for (ssize_t n = 0; (n = read(ends[0], block.data(), block.size())) > 0;) {
    answer.append(block.data(), static_cast<size_t>(n));
  }
  close(ends[0]);
  waitpid(child, nullptr, 0);
  const auto json = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) fail("the process of this case died without a result");
  if (json.contains("error")) throw Error(json["error"].get<std::string>());
  return json["result"];
}

}  // namespace trady::bench
