// The counters themselves; that launchers count what the formulas say is checked in test_conv.cpp
// and, for bytes, in tests/cuda/test_traffic.cpp.
#include "kernels/work_counters.h"

#include <catch2/catch.hpp>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::work_counters;
using kernels::WorkTotals;

TEST_CASE("work counters: recorded work is added again at each replay", "[counters]") {
  auto& counters = work_counters();
  counters.reset();
  CHECK(counters.snapshot() == WorkTotals{});
  counters.count_forward(5, 50);
  const WorkTotals before = counters.snapshot();
  counters.count_forward(1, 10);
  counters.count_grad_input(2, 20);
  counters.count_grad_weight(3, 30);
  const WorkTotals recorded = counters.snapshot() - before;
  CHECK(recorded == WorkTotals{.forward = 1,
                               .grad_input = 2,
                               .grad_weight = 3,
                               .forward_bytes = 10,
                               .grad_input_bytes = 20,
                               .grad_weight_bytes = 30});
  counters.add(recorded);
  counters.add(recorded);
  CHECK(counters.snapshot() == WorkTotals{.forward = 5 + 3 * 1,
                                          .grad_input = 3 * 2,
                                          .grad_weight = 3 * 3,
                                          .forward_bytes = 50 + 3 * 10,
                                          .grad_input_bytes = 3 * 20,
                                          .grad_weight_bytes = 3 * 30});
  counters.reset();
  CHECK(counters.snapshot() == WorkTotals{});
}

TEST_CASE("work counters: devices on the host count multiply-adds alone", "[counters]") {
  const kernels::ConvShape shape{1, 5, 6, 4, 3, 3, 1, 1, false};
  const ConvInputs in = random_conv_inputs(shape, false);
  for (const auto& device : devices_under_test()) {
    INFO(describe(*device));
    work_counters().reset();
    run_conv_forward(*device, shape, kernels::Activation::none, in, false);
    run_conv_grad_input(*device, shape, in.w, in.dy);
    run_conv_grad_weight(*device, shape, kernels::SliceKind::input_channels, {0, 2}, in.x, in.dy);
    CHECK(work_counters().snapshot() == WorkTotals{.forward = shape.multiply_adds(),
                                                   .grad_input = shape.multiply_adds(),
                                                   .grad_weight = shape.multiply_adds() / 2});
  }
}

}  // namespace
}  // namespace trady::testing
