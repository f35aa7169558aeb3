// Another program that times its own steps on request (the protocol of bench/peers/README.md).
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace trady::bench {

class Peer {
 public:
  /// Starts `command` through the shell and waits until it is ready, which may take minutes.
  /// Error if it ends before or says something else.
  explicit Peer(const std::string& command);
  /// Asks it to quit and waits for its end.
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::vector<std::string>& rows() const { return rows_; }

  struct Answer {
    double ms = 0;        ///< a step, of one round
    std::string variant;  ///< the form of this row that it found best
  };
  /// Times one round of a row, then waits until its threads have stopped spinning.
  Answer run(const std::string& row);

  /// {"energy": as of measure_energy (bench/common/gpu_energy.h), "peak_bytes"} of a row's steps on
  /// a GPU, over at least so many seconds.
  nlohmann::json cost(const std::string& row, double seconds);

 private:
  std::string read_line();

  std::string command_;
  pid_t process_ = -1;
  FILE* requests_ = nullptr;
  FILE* answers_ = nullptr;
  std::vector<std::string> rows_;
};

}  // namespace trady::bench
