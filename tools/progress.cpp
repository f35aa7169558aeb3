#include "tools/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace trady::tools {

namespace {

constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kLogInterval = std::chrono::seconds(10);
constexpr int kBarWidth = 24;

}  // namespace

Progress::Progress(std::string label, int64_t images_per_step)
    : label_(std::move(label)),
      images_per_step_(images_per_step),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (terminal_ && shown_) std::fprintf(stderr, "\r\033[K");
}

StepListener Progress::listener() {
  return [this](int64_t done, int64_t total, double loss) { show(done, total, loss); };
}

void Progress::show(int64_t done, int64_t total, double loss) {
  const auto now = Clock::now();
  if (now - last_ <
      (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kLogInterval))) {
    return;
  }
  last_ = now;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done * images_per_step_) / seconds;
  const double left = seconds / static_cast<double>(done) * static_cast<double>(total - done);
  if (terminal_) {
    const int filled = static_cast<int>(kBarWidth * done / total);
    const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
    std::fprintf(stderr, "\r\033[K%s [%s] %lld/%lld  loss %.4f  %.0f images/s  %.0f s left",
                 label_.c_str(), bar.c_str(), static_cast<long long>(done),
                 static_cast<long long>(total), loss, rate, left);
  } else {
    std::fprintf(stderr, "%s: step %lld of %lld, loss %.4f, %.0f images/s, %.0f s left\n",
                 label_.c_str(), static_cast<long long>(done), static_cast<long long>(total), loss,
                 rate, left);
  }
  std::fflush(stderr);
}

}  // namespace trady::tools
