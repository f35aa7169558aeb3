#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "engine/error.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

constexpr auto kBarInterval = std::chrono::milliseconds(100);
constexpr auto kLineInterval = std::chrono::seconds(10);
constexpr size_t kBarWidth = 24, kNarrowestBar = 4;

/// "42 s", "3 min 5 s", "2 h 7 min".
std::string duration(double seconds) {
  constexpr int64_t kMinute = 60, kHour = 3600;
  const int64_t whole = std::llround(seconds);
  if (whole < kMinute) return concat(whole, " s");
  if (whole < kHour) return concat(whole / kMinute, " min ", whole % kMinute, " s");
  return concat(whole / kHour, " h ", whole % kHour / kMinute, " min");
}

size_t terminal_columns() {
  constexpr size_t kUsual = 80;  // where the terminal does not say
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsual;
}

/// Whether standard error is a terminal that clears lines; where TERM names none, who knows.
bool is_terminal_for_bars() {
  const char* term = std::getenv("TERM");
  const std::string_view name = term ? term : "";
  return isatty(STDERR_FILENO) != 0 && !name.empty() && name != "dumb";
}

/// One line that the terminal does not break: what is broken could not be cleared.
std::string bar_line(const std::string& label, const std::string& facts, const PassProgress& pass) {
  const std::string count = concat(pass.steps_done, "/", pass.steps, "  ", facts);
  const size_t room = terminal_columns() - 1, text = label.size() + count.size() + 4;
  const size_t width = std::min(kBarWidth, room > text ? room - text : 0);
  if (width < kNarrowestBar) return concat(label, " ", count).substr(0, room);
  const auto filled =
      width * static_cast<size_t>(pass.steps_done) / static_cast<size_t>(pass.steps);
  return concat(label, " [", std::string(filled, '#'), std::string(width - filled, '.'), "] ",
                count);
}

}  // namespace

void add_progress_option(CLI::App& command, std::string& name) {
  command
      .add_option("--progress", name,
                  "bar; plain: lines, one in ten seconds; none; auto: a bar on a terminal, lines "
                  "elsewhere")
      ->check(CLI::IsMember({"auto", "bar", "plain", "none"}))
      ->capture_default_str();
}

ProgressStyle parse_progress(const std::string& name) {
  if (name == "bar") return ProgressStyle::bar;
  if (name == "plain") return ProgressStyle::plain;
  if (name == "none") return ProgressStyle::none;
  // Neither changes within a process, and every pass over a data set asks.
  static const bool shows_bars = is_terminal_for_bars();
  return shows_bars ? ProgressStyle::bar : ProgressStyle::plain;
}

Progress::Progress(ProgressStyle style, std::string label, int64_t images_per_step)
    : style_(style), label_(std::move(label)), images_per_step_(images_per_step) {}

Progress::~Progress() {
  if (style_ == ProgressStyle::bar && shown_) std::fprintf(stderr, "\r\033[K");
}

StepListener Progress::listener() {
  if (style_ == ProgressStyle::none) return nullptr;
  return [this](const PassProgress& pass) { show(pass); };
}

std::string Progress::facts(const PassProgress& pass, double seconds) const {
  const auto here = static_cast<double>(pass.steps_done - skipped_);
  const double rate = here * static_cast<double>(images_per_step_) / seconds;
  const double left = seconds / here * static_cast<double>(pass.steps - pass.steps_done);
  return concat("loss ", fixed(pass.loss, 4), ", accuracy ", percent(pass.accuracy, 2), ", ",
                fixed(rate, 0), " images/s, ", duration(left), " left");
}

void Progress::show(const PassProgress& pass) {
  if (skipped_ < 0) skipped_ = pass.steps_done - 1;
  const auto now = Clock::now();
  const bool is_bar = style_ == ProgressStyle::bar;
  const auto interval = is_bar ? Clock::duration(kBarInterval) : Clock::duration(kLineInterval);
  const bool first_of_bar = is_bar && !shown_;  // at once: one sees that it runs
  if (!first_of_bar && now - last_ < interval) return;
  last_ = now;
  shown_ = true;
  const std::string told = facts(pass, std::chrono::duration<double>(now - start_).count());
  const std::string line =
      is_bar ? "\r\033[K" + bar_line(label_, told, pass)
             : concat(label_, ": step ", pass.steps_done, " of ", pass.steps, ", ", told, "\n");
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace trady::tools
