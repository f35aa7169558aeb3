#include "engine/interrupt.h"

#include <csignal>

namespace trady {

namespace {

volatile std::sig_atomic_t requested = 0;

void on_signal(int signal_number) {
  if (requested) {  // raised again, it ends the process once this handler returns
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
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
