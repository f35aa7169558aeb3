// Progress of long work: a bar on a terminal, plain lines in a log.
#pragma once

#include <chrono>
#include <string>

#include "engine/trainer.h"

namespace trady::tools {

class Progress {
 public:
  /// Of one pass over a data set, e.g. "epoch 3/20". `images_per_step` turns steps into images/s.
  Progress(std::string label, int64_t images_per_step);
  /// Clears the bar, so that what is printed next starts on a clean line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  StepListener listener();

 private:
  using Clock = std::chrono::steady_clock;
  void show(int64_t done, int64_t total, double loss);

  std::string label_;
  int64_t images_per_step_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

}  // namespace trady::tools
