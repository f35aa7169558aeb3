#include "tests/cuda/thread_order.h"

namespace trady::testing {

OtherThreadOrder::OtherThreadOrder() {}
OtherThreadOrder::~OtherThreadOrder() = default;

}  // namespace trady::testing
