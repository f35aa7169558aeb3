// Primitives inside a captured graph: a replay reads what lies in device memory then.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::SliceKind;

/// A depthwise layer of a training step: forward, mask, bias and weight gradient, SGD.
struct Layer {
  const kernels::cuda::CudaBackend& cuda;
  ConvShape shape{2, 9, 7, 16, 16, 3, 1, 1, true};
  ConvInputs in = random_conv_inputs(shape, false);
  DeviceChannels channels{cuda, {0, 5, 15}};
  std::unique_ptr<kernels::ConvForward> forward = cuda.conv_forward(shape, Activation::relu6);
  std::unique_ptr<kernels::ConvGradWeight> grad_weight =
      cuda.conv_grad_weight(shape, SliceKind::input_channels, 3);
  Buffer x{cuda, in.x}, w{cuda, in.w}, bias{cuda, in.bias}, dy{cuda, in.dy};
  Buffer y{cuda, shape.out_elements()}, packed{cuda, shape.in_positions() * 3};
  Buffer db{cuda, shape.out_c}, dw{cuda, 3 * shape.taps()};
  DeviceArray<uint8_t> mask{cuda, kernels::mask_bytes(shape.out_elements())};
  DeviceBytes scratch{cuda, grad_weight->scratch_bytes()};
  DeviceArray<kernels::StepControl> control{cuda, 1};

  void set_rate(double value) const {
    const kernels::StepControl values{.learning_rate = value, .updates = 1};
    cuda.upload(&values, sizeof values, control.data());
  }

  void enqueue_step() const {
    forward->run(
        {.x = x.data(), .w = w.data(), .bias = bias.data(), .y = y.data(), .mask = mask.data()});
    cuda.pack_channels(x.data(), shape.in_positions(), shape.in_c, channels.list(), packed.data());
    cuda.apply_mask(dy.data(), mask.data(), shape.out_elements());
    cuda.grad_bias(dy.data(), shape.out_positions(), shape.out_c, db.data());
    grad_weight->run({.x = packed.data(),
                      .dy = dy.data(),
                      .channels = channels.list(),
                      .dw = dw.data(),
                      .scratch = scratch.data()});
    cuda.sgd(shape,
             {w.data(), dw.data(), SliceKind::input_channels, channels.list(), control.data()});
  }
};

TEST_CASE("capture: replayed steps equal eager ones, with a rate that changes", "[capture]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const Layer eager{*cuda}, replayed{*cuda};
  const auto recording = cuda->record([&] { replayed.enqueue_step(); });
  REQUIRE(recording);

  for (const double rate : {0.03, 0.02, 0.5}) {
    eager.set_rate(rate);
    eager.enqueue_step();
    replayed.set_rate(rate);
    recording->replay();
    CHECK(bit_identical(replayed.y.values(), eager.y.values()));
    CHECK(bit_identical(replayed.db.values(), eager.db.values()));
    CHECK(bit_identical(replayed.w.values(), eager.w.values()));
  }
  CHECK_FALSE(bit_identical(replayed.w.values(), Buffer(*cuda, replayed.in.w).values()));
}

}  // namespace
}  // namespace trady::testing
