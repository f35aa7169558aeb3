// An activation's mask applied while dx is written, equal to applying it afterwards.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::ConvShape;
using kernels::GradientMode;

std::vector<uint8_t> random_mask(int64_t elements) {
  RandomStream random(9, RandomPurpose::initialization);
  std::vector<uint8_t> mask(static_cast<size_t>(kernels::mask_bytes(elements)));
  for (uint8_t& byte : mask) byte = static_cast<uint8_t>(random.next());
  return mask;
}

TEST_CASE("grad_input: a mask while dx is written", "[masked]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::tf32);
  if (!cuda) return;
  for (const ConvCase& test : odd_convs()) {
    const ConvShape& shape = test.shape;
    const auto pass = cuda->conv_grad_input(shape);
    if (!pass->masks_gradient()) continue;
    INFO(test.name);
    const ConvInputs in = random_conv_inputs(shape, false);
    const Buffer w(*cuda, in.w), dy(*cuda, in.dy);
    const DeviceBytes scratch(*cuda, pass->scratch_bytes());
    const DeviceArray<uint8_t> mask(*cuda, random_mask(shape.in_elements()));
    for (const GradientMode mode : {GradientMode::overwrite, GradientMode::accumulate}) {
      const Buffer at_once(*cuda, in.x), afterwards(*cuda, in.x);
      pass->run({.dy = dy.data(),
                 .w = w.data(),
                 .dx = at_once.data(),
                 .scratch = scratch.data(),
                 .mask = mask.data()},
                mode);
      pass->run(
          {.dy = dy.data(), .w = w.data(), .dx = afterwards.data(), .scratch = scratch.data()},
          mode);
      cuda->apply_mask(afterwards.data(), mask.data(), shape.in_elements());
      CHECK(at_once.values() == afterwards.values());
    }
  }
}

}  // namespace
}  // namespace trady::testing
