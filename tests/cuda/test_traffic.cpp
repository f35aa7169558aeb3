// Bytes that the launchers count against the formulas, and both against the bytes that the kernels
// touch: the host execution sees every access.
#include "kernels/cuda/traffic.h"

#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/cuda/measured_traffic.h"
#include "tests/cuda/packed_slots.h"
#include "tests/cuda/split_convs.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::GradientMode;
using kernels::SliceKind;
using kernels::WorkTotals;

/// Bytes of the weights of depthwise taps that fall into the padding for every output: kernels that
/// skip the padding do not read them.
int64_t unmet_weight_bytes(const ConvShape& s) {
  if (!s.depthwise) return 0;
  int64_t unmet = 0;
  const auto meets = [&](int64_t k, int64_t out, int64_t in) {
    for (int64_t o = 0; o < out; ++o) {
      const int64_t at = o * s.stride - s.padding + k;
      if (at >= 0 && at < in) return true;
    }
    return false;
  };
  for (int64_t ky = 0; ky < s.kernel; ++ky) {
    for (int64_t kx = 0; kx < s.kernel; ++kx) {
      if (!meets(ky, s.out_h(), s.in_h) || !meets(kx, s.out_w(), s.in_w)) ++unmet;
    }
  }
  return unmet * s.in_c * 4;
}

void check_touched(const ConvShape& shape, int64_t touched, int64_t counted) {
  CHECK(touched <= counted);
  CHECK(touched >= counted - unmet_weight_bytes(shape));
}

TEST_CASE("traffic: cases worked out by hand", "[traffic]") {
  using namespace kernels::cuda;
  const ConvShape pointwise{2, 5, 7, 24, 40, 1, 1, 0, false};
  CHECK(forward_bytes(pointwise, {}) == 4 * (70 * 24 + 24 * 40 + 40 + 70 * 40));
  CHECK(forward_bytes(pointwise, {.residual = true, .mask = true}) ==
        4 * (70 * 24 + 24 * 40 + 40 + 2 * 70 * 40) + 70 * 5);
  CHECK(forward_bytes(pointwise, {.saves = true, .saved_channels = 3}) ==
        4 * (70 * 24 + 24 * 40 + 40 + 70 * 40) + 4 * (40 + 70 * 3));
  CHECK(grad_input_bytes(pointwise, GradientMode::overwrite) == 4 * (70 * 40 + 24 * 40 + 70 * 24));
  CHECK(grad_input_bytes(pointwise, GradientMode::accumulate) ==
        4 * (70 * 40 + 24 * 40 + 2 * 70 * 24));
  CHECK(grad_weight_bytes(pointwise, SliceKind::input_channels, 3, 0) ==
        4 * (70 * 3 + 70 * 40 + 40 * 3));
  CHECK(grad_weight_bytes(pointwise, SliceKind::output_channels, 3, 100) ==
        4 * (70 * 24 + 70 * 3 + 24 * 3 + 3) + 200);
  CHECK(grad_weight_bytes(pointwise, SliceKind::output_channels, 0, 0) == 0);

  // Stride 2 on 8 x 7: 4 x 4 of the pixels.
  const ConvShape shortcut{2, 8, 7, 10, 12, 1, 2, 0, false};
  CHECK(forward_bytes(shortcut, {}) == 4 * (32 * 10 + 120 + 12 + 32 * 12));
  CHECK(grad_input_bytes(shortcut, GradientMode::overwrite) == 4 * (32 * 12 + 120 + 112 * 10));
  const ConvShape depthwise{3, 8, 8, 24, 24, 3, 2, 1, true};
  CHECK(grad_weight_bytes(depthwise, SliceKind::input_channels, 5, 0) ==
        4 * (3 * 64 * 5 + 3 * 16 * 5 + 9 * 5 + 5));
}

TEST_CASE("traffic: forward counts what its kernels read and write", "[traffic]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  for (const ConvCase& test : odd_and_split_convs()) {
    const ConvShape& s = test.shape;
    const ConvInputs in = random_conv_inputs(s, true);
    const Buffer x(*cuda, in.x), w(*cuda, in.w), bias(*cuda, in.bias);
    const auto pass = cuda->conv_forward(s, Activation::relu6);
    REQUIRE(pass->packs_output());
    const bool strips = (s.kernel == 3 || s.kernel == 5 || s.kernel == 7) && s.stride <= 2;
    const bool mask_in_epilogue = s.out_c % 8 == 0 && (!s.depthwise || strips);
    for (const bool masked : {false, true}) {
      for (const bool in_place : {false, true}) {
        for (const auto& list : channel_lists(s.out_c)) {
          INFO(test.name << (masked ? ", mask" : "") << ", saves " << list.size());
          const bool saves = !list.empty();
          const DeviceArray<int32_t> slots(*cuda, slots_of(list, s.out_c));
          const Buffer saved(*cuda, s.out_positions() * count_of(list));
          const Buffer y(*cuda, in.residual);
          const DeviceArray<uint8_t> mask(*cuda, kernels::mask_bytes(s.out_elements()));
          kernels::PackedSave save;
          if (saves) save = {slots.data(), saved.data(), count_of(list)};
          const Measured m = measure(*cuda, [&] {
            pass->run({.x = x.data(),
                       .w = w.data(),
                       .bias = bias.data(),
                       .residual = in_place ? y.data() : nullptr,
                       .y = y.data(),
                       .mask = masked ? mask.data() : nullptr,
                       .save = save});
          });
          const int64_t expected = kernels::cuda::forward_bytes(
              s, {in_place, masked, !mask_in_epilogue, saves, count_of(list)});
          CHECK(m.counted == WorkTotals{.forward = s.multiply_adds(), .forward_bytes = expected});
          check_touched(s, m.touched, expected);
        }
      }
    }
  }
}

TEST_CASE("traffic: grad_input counts what its kernels read and write", "[traffic]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  for (const ConvCase& test : odd_and_split_convs()) {
    const ConvShape& s = test.shape;
    const ConvInputs in = random_conv_inputs(s, false);
    const Buffer w(*cuda, in.w), dy(*cuda, in.dy), dx(*cuda, in.x);
    const DeviceArray<uint8_t> mask(
        *cuda, std::vector<uint8_t>(static_cast<size_t>(kernels::mask_bytes(s.in_elements())), 90));
    const auto pass = cuda->conv_grad_input(s);
    for (const GradientMode mode : {GradientMode::overwrite, GradientMode::accumulate}) {
      for (const bool masked : {false, true}) {
        INFO(test.name << (mode == GradientMode::accumulate ? ", accumulates" : "")
                       << (masked ? ", mask" : ""));
        const Measured m = measure(*cuda, [&] {
          pass->run({.dy = dy.data(),
                     .w = w.data(),
                     .dx = dx.data(),
                     .mask = masked ? mask.data() : nullptr},
                    mode);
        });
        const int64_t expected = kernels::cuda::grad_input_bytes(s, mode, masked);
        CHECK(m.counted ==
              WorkTotals{.grad_input = s.multiply_adds(), .grad_input_bytes = expected});
        check_touched(s, m.touched, expected);
      }
    }
  }
}

TEST_CASE("traffic: grad_weight counts what its kernels read and write", "[traffic][slices]") {
  bool split_seen = false;
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  for (const ConvCase& test : odd_and_split_convs()) {
    const ConvShape& s = test.shape;
    const ConvInputs in = random_conv_inputs(s, false);
    const Buffer dy(*cuda, in.dy);
    for (const SliceKind kind : {SliceKind::input_channels, SliceKind::output_channels}) {
      for (const auto& list : channel_lists(channels_of_kind(s, kind))) {
        INFO(test.name << ", " << list.size()
                       << (kind == SliceKind::input_channels ? " input" : " output")
                       << " channels");
        const int64_t count = count_of(list);
        const DeviceChannels channels(*cuda, list);
        const auto pass = cuda->conv_grad_weight(s, kind, count);
        const int64_t x_channels = packs_x(s, kind) ? count : s.in_c;
        const Buffer x(*cuda, random_values(s.in_positions() * x_channels, 1));
        const Buffer dw(*cuda, slice_elements(s, kind) * count);
        const DeviceBytes scratch(*cuda, pass->scratch_bytes());
        const Measured m = measure(*cuda, [&] {
          pass->run({.x = x.data(),
                     .dy = dy.data(),
                     .channels = channels.list(),
                     .dw = dw.data(),
                     .scratch = scratch.data()});
        });
        // Of scratch there is nothing but the partial sums.
        const int64_t expected =
            kernels::cuda::grad_weight_bytes(s, kind, count, pass->scratch_bytes());
        CHECK(m.counted ==
              WorkTotals{.grad_weight = slice_elements(s, kind) * count * s.out_positions(),
                         .grad_weight_bytes = expected});
        CHECK(m.touched == expected);
        split_seen |= pass->scratch_bytes() > 0 && count > 0;
      }
    }
  }
  CHECK(split_seen);
}

}  // namespace
}  // namespace trady::testing
