// The three convolution passes: every device against the float64 reference, and the properties
// that make them sliced. How to add an op or a device: device_under_test.h.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "kernels/work_counters.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::SliceKind;

constexpr SliceKind kBothKinds[] = {SliceKind::input_channels, SliceKind::output_channels};

bool bit(const std::vector<uint8_t>& mask, size_t i) {
  return (mask[i / 8] >> (i % 8)) & 1;
}

/// Bits that differ from what the float64 pre-activation demands; a float32 device may decide
/// otherwise within `margin` of a corner.
int wrong_mask_bits(const std::vector<uint8_t>& mask, const std::vector<double>& pre_activation,
                    Activation activation, double margin) {
  int wrong = 0;
  for (size_t i = 0; i < pre_activation.size(); ++i) {
    const double v = pre_activation[i];
    const bool has_upper = activation == Activation::relu6;
    if (std::abs(v) < margin || (has_upper && std::abs(v - 6) < margin)) continue;
    wrong += bit(mask, i) != (v > 0 && (!has_upper || v < 6));
  }
  return wrong;
}

TEST_CASE("conv forward: a case worked out by hand", "[conv]") {
  const auto reference = float64_reference();
  SECTION("3x3, stride 2, padding 1 on 3x3: a cross-correlation, not flipped") {
    const ConvShape shape{1, 3, 3, 1, 1, 3, 2, 1, false};
    const ConvInputs in{.x = {1, 2, 3, 4, 5, 6, 7, 8, 9},
                        .w = {1, 10, 100, 1000, 2, 20, 200, 2000, 3},
                        .bias = {0.5},
                        .dy = {},
                        .residual = {}};
    const auto out = run_conv_forward(*reference, shape, Activation::none, in, false);
    CHECK(out.y == std::vector<double>{2 * 1 + 20 * 2 + 2000 * 4 + 3 * 5 + 0.5,
                                       1000 * 2 + 2 * 3 + 200 * 5 + 2000 * 6 + 0.5,
                                       10 * 4 + 100 * 5 + 2 * 7 + 20 * 8 + 0.5,
                                       1 * 5 + 10 * 6 + 1000 * 8 + 2 * 9 + 0.5});
  }
  SECTION("pointwise, two channels: weight [C'][C], activations NHWC") {
    const ConvShape shape{1, 1, 2, 2, 3, 1, 1, 0, false};
    const ConvInputs in{.x = {1, 2, 3, 4},
                        .w = {1, 10, 2, 20, 3, 30},
                        .bias = {100, 200, 300},
                        .dy = {},
                        .residual = {1, 2, 3, 4, 5, 6}};
    const auto out = run_conv_forward(*reference, shape, Activation::none, in, false);
    CHECK(out.y == std::vector<double>{122, 244, 366, 147, 291, 435});
  }
  SECTION("depthwise, two channels: weight [C][k][k]") {
    const ConvShape shape{1, 1, 2, 2, 2, 3, 1, 1, true};
    const ConvInputs in{.x = {1, 2, 3, 4},
                        .w = {0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 10, 20, 30, 0, 0, 0},
                        .bias = {0, 0},
                        .dy = {},
                        .residual = {}};
    const auto out = run_conv_forward(*reference, shape, Activation::none, in, false);
    CHECK(out.y ==
          std::vector<double>{2 * 1 + 3 * 3, 20 * 2 + 30 * 4, 1 * 1 + 2 * 3, 10 * 2 + 20 * 4});
  }
}

TEST_CASE("conv forward: the mask is strict on both ends, NaN passes through", "[conv]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ConvShape shape{1, 1, 1, 1, 9, 1, 1, 0, false};
  const ConvInputs in{.x = {1},
                      .w = {-1, 0, 1e-30, 3, 5.5, 6, 7, 1e30, nan},
                      .bias = std::vector<double>(9, 0.0),
                      .dy = {},
                      .residual = {}};
  auto devices = devices_under_test();
  devices.push_back(float64_reference());
  for (const auto& device : devices) {
    INFO(describe(*device));
    const auto relu6 = run_conv_forward(*device, shape, Activation::relu6, in, true);
    CHECK(relu6.mask == std::vector<uint8_t>{0b00011100, 0});
    CHECK(relu6.y[0] == 0);
    CHECK(relu6.y[4] == 5.5);
    CHECK(relu6.y[6] == 6);
    CHECK(std::isnan(relu6.y[8]));
    const auto relu = run_conv_forward(*device, shape, Activation::relu, in, true);
    CHECK(relu.mask == std::vector<uint8_t>{0b11111100, 0});
    CHECK(relu.y[0] == 0);
    CHECK(relu.y[6] == 7);
    CHECK(std::isnan(relu.y[8]));
  }
}

TEST_CASE("conv forward: every device against the float64 reference", "[conv]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const ConvCase& test : odd_convs()) {
      for (const bool with_residual : {false, true}) {
        INFO(describe(*device) << ", " << test.name << (with_residual ? ", residual" : ""));
        ConvInputs in = random_conv_inputs(test.shape, with_residual);
        for (double& v : in.x) v *= 4;  // so that both ends of ReLU6 are met
        const auto linear = run_conv_forward(*reference, test.shape, Activation::none, in, false).y;
        CHECK(nmse(run_conv_forward(*device, test.shape, Activation::none, in, false).y, linear) <=
              kFloat32Nmse);
        for (const Activation activation : {Activation::relu, Activation::relu6}) {
          const auto expected = run_conv_forward(*reference, test.shape, activation, in, true);
          const auto actual = run_conv_forward(*device, test.shape, activation, in, true);
          CHECK(nmse(actual.y, expected.y) <= kFloat32Nmse);
          CHECK(wrong_mask_bits(expected.mask, linear, activation, 0) == 0);
          CHECK(wrong_mask_bits(actual.mask, linear, activation, 1e-3) == 0);
          const auto unmasked = run_conv_forward(*device, test.shape, activation, in, false);
          CHECK(bit_identical(unmasked.y, actual.y));
          if (with_residual) {
            const auto in_place =
                run_conv_forward(*device, test.shape, activation, in, true, ResidualPlace::in_y);
            CHECK(bit_identical(in_place.y, actual.y));
            CHECK(in_place.mask == actual.mask);
          }
        }
      }
    }
  }
}

TEST_CASE("conv grad_input: every device against the float64 reference", "[conv]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const ConvCase& test : odd_convs()) {
      INFO(describe(*device) << ", " << test.name);
      const ConvInputs in = random_conv_inputs(test.shape, false);
      const auto expected = run_conv_grad_input(*reference, test.shape, in.w, in.dy);
      CHECK(nmse(run_conv_grad_input(*device, test.shape, in.w, in.dy), expected) <= kFloat32Nmse);

      const auto before = random_values(test.shape.in_elements(), 6);
      auto sum = expected;
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += before[i];
      CHECK(nmse(run_conv_grad_input(*reference, test.shape, in.w, in.dy, before), sum) <= 1e-28);
      CHECK(nmse(run_conv_grad_input(*device, test.shape, in.w, in.dy, before), sum) <=
            kFloat32Nmse);
    }
  }
}

TEST_CASE("conv grad_weight: sliced equals the slice of the dense gradient", "[conv][slices]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const ConvCase& test : odd_convs()) {
      const ConvInputs in = random_conv_inputs(test.shape, false);
      const auto every_input = channel_lists(test.shape.in_c).back();
      const auto dense = run_conv_grad_weight(*reference, test.shape, SliceKind::input_channels,
                                              every_input, in.x, in.dy);
      for (const SliceKind kind : kBothKinds) {
        for (const auto& list : channel_lists(channels_of_kind(test.shape, kind))) {
          INFO(describe(*device) << ", " << test.name << ", " << list.size()
                                 << (kind == SliceKind::input_channels ? " input" : " output")
                                 << " channels");
          std::vector<double> expected;
          for (const size_t at : slice_positions(test.shape, kind, list)) {
            expected.push_back(dense[at]);
          }
          const auto exact = run_conv_grad_weight(*reference, test.shape, kind, list, in.x, in.dy);
          CHECK(bit_identical(exact, expected));
          const auto actual = run_conv_grad_weight(*device, test.shape, kind, list, in.x, in.dy);
          CHECK(nmse(actual, expected) <= kFloat32Nmse);
        }
      }
    }
  }
}

TEST_CASE("conv grad_weight: a list of all channels is the whole gradient, bit for bit",
          "[conv][slices]") {
  for (const auto& device : devices_under_test()) {
    for (const ConvCase& test : odd_convs()) {
      INFO(describe(*device) << ", " << test.name);
      const ConvInputs in = random_conv_inputs(test.shape, false);
      const auto by_input =
          run_conv_grad_weight(*device, test.shape, SliceKind::input_channels,
                               channel_lists(test.shape.in_c).back(), in.x, in.dy);
      const auto by_output =
          run_conv_grad_weight(*device, test.shape, SliceKind::output_channels,
                               channel_lists(test.shape.out_c).back(), in.x, in.dy);
      CHECK(bit_identical(by_input, by_output));
    }
  }
}

TEST_CASE("conv: multiply-adds counted in the launchers equal the formula", "[conv][slices]") {
  auto& counters = kernels::work_counters();
  auto devices = devices_under_test();
  devices.push_back(float64_reference());
  devices.push_back(kernels::make_null_backend(kernels::DType::float32));
  for (const auto& device : devices) {
    for (const ConvCase& test : odd_convs()) {
      INFO(describe(*device) << ", " << test.name);
      const ConvShape& s = test.shape;
      const ConvInputs in = random_conv_inputs(s, false);
      const int64_t per_pair = s.kernel * s.kernel * s.batch * s.out_h() * s.out_w();
      const int64_t dense = s.depthwise ? per_pair * s.in_c : per_pair * s.in_c * s.out_c;

      counters.reset();
      run_conv_forward(*device, s, Activation::none, in, false);
      CHECK(counters.forward == dense);
      run_conv_grad_input(*device, s, in.w, in.dy);
      CHECK(counters.grad_input == dense);
      CHECK(counters.grad_weight == 0);
      for (const SliceKind kind : kBothKinds) {
        // docs/method.md section 1: D^2 C' H' W' a unit and sample, depthwise D^2 H' W'; of an
        // output channel D^2 C H' W'.
        const int64_t others = kind == SliceKind::input_channels ? s.out_c : s.in_c;
        const int64_t per_channel = s.depthwise ? per_pair : per_pair * others;
        for (const auto& list : channel_lists(channels_of_kind(s, kind))) {
          counters.reset();
          run_conv_grad_weight(*device, s, kind, list, in.x, in.dy);
          CHECK(counters.grad_weight == per_channel * static_cast<int64_t>(list.size()));
          CHECK(counters.forward == 0);
          CHECK(counters.grad_input == 0);
        }
      }
    }
  }
}

TEST_CASE("conv: impossible shapes are refused when the pass is made", "[conv]") {
  const ConvShape good{1, 8, 8, 4, 4, 3, 1, 1, false};
  std::vector<ConvShape> bad(9, good);
  bad[0].batch = 0;
  bad[1].in_h = 0;
  bad[2].in_c = -1;
  bad[3].out_c = 0;
  bad[4].kernel = 0;
  bad[5].stride = 0;
  bad[6].padding = -1;
  bad[7].kernel = 11;
  bad[8].depthwise = true;
  bad[8].out_c = 8;
  auto devices = devices_under_test();
  devices.push_back(float64_reference());
  devices.push_back(kernels::make_null_backend(kernels::DType::float32));
  for (const auto& device : devices) {
    for (size_t i = 0; i < bad.size(); ++i) {
      INFO(describe(*device) << ", shape " << i);
      CHECK_THROWS_AS(device->conv_forward(bad[i], Activation::relu), std::invalid_argument);
      CHECK_THROWS_AS(device->conv_grad_input(bad[i]), std::invalid_argument);
      CHECK_THROWS_AS(device->conv_grad_weight(bad[i], SliceKind::input_channels, 1),
                      std::invalid_argument);
    }
    for (const SliceKind kind : kBothKinds) {
      CHECK_THROWS_AS(device->conv_grad_weight(good, kind, 5), std::invalid_argument);
      CHECK_THROWS_AS(device->conv_grad_weight(good, kind, -1), std::invalid_argument);
    }
  }
}

}  // namespace
}  // namespace trady::testing
