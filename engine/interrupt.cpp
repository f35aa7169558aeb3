#include "engine/interrupt.h"

#include <csignal>

namespace trady {

namespace {

volatile std::sig_atomic_t requested = 0;

void on_signal(int signal_number) {
  if (requested && signal_number == SIGINT) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  requested = 1;
}

}  // namespace

void watch_for_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupt_requested() {
  return requested != 0;
}

}  // namespace trady
