// Runs of one computation whose threads and blocks come in different orders.
#pragma once

namespace trady::testing {

/// While it lives, the host execution takes a random order in place of the one that the environment
/// asks for. A GPU has its own ways.
class OtherThreadOrder {
 public:
  OtherThreadOrder();
  OtherThreadOrder(const OtherThreadOrder&) = delete;
  OtherThreadOrder& operator=(const OtherThreadOrder&) = delete;
  ~OtherThreadOrder();
};

}  // namespace trady::testing
