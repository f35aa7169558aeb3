// Progress of long work: a bar on a terminal, plain lines in a log.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "engine/trainer.h"

namespace trady::tools {

enum class ProgressStyle { bar, plain, none };

/// --progress auto|bar|plain|none. `name` keeps what the user wrote.
void add_progress_option(CLI::App& command, std::string& name);
/// What such a name means: auto is a bar where standard error is a terminal that can clear a line,
/// lines elsewhere.
ProgressStyle parse_progress(const std::string& name);

class Progress {
 public:
  /// Of one pass over a data set, e.g. "epoch 3/20". `images_per_step` turns steps into images/s.
  Progress(ProgressStyle style, std::string label, int64_t images_per_step);
  /// Clears the bar, so that what is printed next starts on a clean line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  StepListener listener();

 private:
  using Clock = std::chrono::steady_clock;
  void show(const PassProgress& pass);
  std::string facts(const PassProgress& pass, double seconds) const;

  ProgressStyle style_;
  std::string label_;
  int64_t images_per_step_;
  bool shown_ = false;
  int64_t skipped_ = -1;  ///< steps of the pass that were done before it began here; -1: unknown
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

}  // namespace trady::tools
