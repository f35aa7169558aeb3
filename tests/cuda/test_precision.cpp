// TF32: the three passes within what 10 bits of fraction allow, and not the fp32 kernels in
// disguise.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::SliceKind;

constexpr double kTf32Nmse = 1e-6;

TEST_CASE("tf32: every pass against the float64 reference", "[precision]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::tf32);
  if (!cuda) return;
  const auto reference = float64_reference();
  double worst = 0;
  for (const ConvCase& test : odd_convs()) {
    const ConvShape& shape = test.shape;
    INFO(test.name);
    const ConvInputs in = random_conv_inputs(shape, false);
    const double forward = nmse(run_conv_forward(*cuda, shape, Activation::none, in, false).y,
                                run_conv_forward(*reference, shape, Activation::none, in, false).y);
    const double grad_input = nmse(run_conv_grad_input(*cuda, shape, in.w, in.dy),
                                   run_conv_grad_input(*reference, shape, in.w, in.dy));
    CHECK(forward <= kTf32Nmse);
    CHECK(grad_input <= kTf32Nmse);
    worst = std::max({worst, forward, grad_input});
    for (const SliceKind kind : {SliceKind::input_channels, SliceKind::output_channels}) {
      const auto list = channel_lists(channels_of_kind(shape, kind))[2];
      const double grad_weight =
          nmse(run_conv_grad_weight(*cuda, shape, kind, list, in.x, in.dy),
               run_conv_grad_weight(*reference, shape, kind, list, in.x, in.dy));
      CHECK(grad_weight <= kTf32Nmse);
      worst = std::max(worst, grad_weight);
    }
  }
  CHECK(worst > kFloat32Nmse);
}

}  // namespace
}  // namespace trady::testing
