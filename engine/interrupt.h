// Ctrl-C and SIGTERM, seen by long loops between two steps.
#pragma once

#include "engine/error.h"

namespace trady {

/// Thrown where a loop stopped because the user asked for it.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// From now on SIGINT and SIGTERM ask for a stop; a second one of either kind ends the process at
/// once.
void watch_for_interrupts();
bool interrupt_requested();

}  // namespace trady
