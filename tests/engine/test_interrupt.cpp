#include "engine/interrupt.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

namespace trady {
namespace {

/// In a process of its own: the number of the signal that ended it after `first` and `second`, or 0
/// if `first` ended it or left no request.
int ended_by(int first, int second) {
  const pid_t child = ::fork();
  if (child == 0) {
    watch_for_interrupts();
    const bool before = interrupt_requested();
    ::raise(first);
    if (before || !interrupt_requested()) ::_exit(0);
    ::raise(second);
    ::_exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

TEST_CASE("The first signal asks for a stop, the second ends the process, whichever they are") {
  CHECK(ended_by(SIGINT, SIGINT) == SIGINT);
  CHECK(ended_by(SIGTERM, SIGTERM) == SIGTERM);
  CHECK(ended_by(SIGTERM, SIGINT) == SIGINT);
  CHECK(ended_by(SIGINT, SIGTERM) == SIGTERM);
}

}  // namespace trady
