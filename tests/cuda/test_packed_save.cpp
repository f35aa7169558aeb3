// "Save in the forward epilogue": packed while y is written, equal to packing y afterwards.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/cuda/packed_slots.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::ConvShape;

TEST_CASE("packed save: the listed channels of y, and y as without", "[packed_save]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  for (const ConvCase& test : odd_convs()) {
    const ConvShape& shape = test.shape;
    const auto pass = cuda->conv_forward(shape, kernels::Activation::relu6);
    if (!pass->packs_output()) continue;
    ConvInputs in = random_conv_inputs(shape, false);
    for (double& v : in.x) v *= 4;
    const auto expected = run_conv_forward(*cuda, shape, kernels::Activation::relu6, in, true);
    const Buffer x(*cuda, in.x), w(*cuda, in.w), bias(*cuda, in.bias);
    const DeviceBytes prepared = prepared_weight(*cuda, *pass, w);
    const DeviceBytes scratch(*cuda, pass->scratch_bytes());
    for (const auto& list : channel_lists(shape.out_c)) {
      INFO(test.name << ", " << list.size() << " channels");
      const Buffer y(*cuda, shape.out_elements());
      const DeviceArray<uint8_t> mask(*cuda, kernels::mask_bytes(shape.out_elements()));
      const DeviceArray<int32_t> slots(*cuda, slots_of(list, shape.out_c));
      const Buffer saved(*cuda, shape.out_positions() * count_of(list));
      pass->run({.x = x.data(),
                 .w = prepared.size() > 0 ? prepared.data() : w.data(),
                 .bias = bias.data(),
                 .y = y.data(),
                 .mask = mask.data(),
                 .scratch = scratch.data(),
                 .save = {slots.data(), saved.data(), count_of(list)}});
      CHECK(bit_identical(y.values(), expected.y));
      CHECK(mask.values() == expected.mask);

      const DeviceChannels channels(*cuda, list);
      const Buffer packed(*cuda, saved.elements());
      cuda->pack_channels(y.data(), shape.out_positions(), shape.out_c, channels.list(),
                          packed.data());
      CHECK(bit_identical(saved.values(), packed.values()));
    }
  }
}

TEST_CASE("packed save: every depthwise forward can", "[packed_save]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  for (const ConvCase& test : odd_convs()) {
    if (!test.shape.depthwise) continue;
    const auto pass = cuda->conv_forward(test.shape, kernels::Activation::none);
    CHECK(pass->packs_output());
  }
}

}  // namespace
}  // namespace trady::testing
