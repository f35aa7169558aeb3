#include "cuda_on_host/control.h"
#include "tests/cuda/thread_order.h"

namespace trady::testing {

OtherThreadOrder::OtherThreadOrder() {
  cuda_on_host::set_schedule(cuda_on_host::Order::random, 20);
}

OtherThreadOrder::~OtherThreadOrder() {
  cuda_on_host::set_schedule_of_environment();
}

}  // namespace trady::testing
