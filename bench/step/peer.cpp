#include "bench/step/peer.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <sstream>
#include <thread>

#include "engine/error.h"

namespace trady::bench {

namespace {

/// OpenMP's threads look for work for some milliseconds before they sleep.
constexpr auto kSpinTime = std::chrono::milliseconds(50);

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("--peer: no pipe (", std::strerror(errno), ")");
    read_end = ends[0];
    write_end = ends[1];
  }
};

}  // namespace

Peer::Peer(const std::string& command) : command_(command) {
  // A peer that died is noticed when its answer is missing.
  std::signal(SIGPIPE, SIG_IGN);
  const Pipe requests, answers;
  const std::string program = "exec " + command;
  process_ = fork();
  if (process_ < 0) fail("--peer: no process (", std::strerror(errno), ")");
  if (process_ == 0) {
    dup2(requests.read_end, STDIN_FILENO);
    dup2(answers.write_end, STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", program.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(requests.read_end);
  close(answers.write_end);
  requests_ = fdopen(requests.write_end, "w");
  answers_ = fdopen(answers.read_end, "r");

  std::istringstream words(read_line());
  std::string word;
  words >> word;
  if (word != "ready")
    fail("--peer ", command_, ": expected `ready ROWS`, got `", words.str(), "`");
  while (words >> word) rows_.push_back(word);
}

Peer::~Peer() {
  std::fputs("quit\n", requests_);
  std::fclose(requests_);
  std::fclose(answers_);
  waitpid(process_, nullptr, 0);
}

std::string Peer::read_line() {
  std::string line;
  for (int c = std::fgetc(answers_); c != '\n'; c = std::fgetc(answers_)) {
    if (c == EOF)
      fail("--peer ", command_, ": ended without an answer; run it by itself to see why");
    line += static_cast<char>(c);
  }
  return line;
}

Peer::Answer Peer::run(const std::string& row) {
  std::fprintf(requests_, "run %s\n", row.c_str());
  std::fflush(requests_);
  std::istringstream words(read_line());
  Answer answer;
  if (!(words >> answer.ms >> answer.variant)) {
    fail("--peer ", command_, ": expected a time and a variant, got `", words.str(), "`");
  }
  std::this_thread::sleep_for(kSpinTime);
  return answer;
}

nlohmann::json Peer::cost(const std::string& row, double seconds) {
  std::fprintf(requests_, "cost %s %g\n", row.c_str(), seconds);
  std::fflush(requests_);
  const std::string line = read_line();
  nlohmann::json answer = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("energy")) {
    fail("--peer ", command_, ": expected the cost of ", row, " as JSON, got `", line, "`");
  }
  return answer;
}

}  // namespace trady::bench
