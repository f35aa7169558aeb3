// Elapsed time on a clock that never goes back.
#pragma once

#include <chrono>

namespace trady {

class Stopwatch {
 public:
  /// Since construction.
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace trady
