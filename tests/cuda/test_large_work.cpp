// Work that takes several blocks in every direction, which the odd shapes of tests/kernels are too
// small for: tiles of channels, pieces of a reduction, strips that end anywhere in a row.
#include <catch2/catch.hpp>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::SliceKind;

/// batch, in_h, in_w, in_c, out_c, kernel, stride, padding, depthwise
std::vector<ConvShape> depthwise_shapes() {
  std::vector<ConvShape> shapes;
  // 9, 10, 18 and 33 groups of 4 channels: two to five tiles, the last one not full.
  for (const int64_t channels : {36, 40, 72, 132}) {
    shapes.push_back({1, 5, 6, channels, channels, 3, 1, 1, true});
  }
  for (const int64_t kernel : {3, 5, 7}) {
    for (const int64_t stride : {1, 2}) {
      // More padding than the networks have, and less: strips begin at any phase of the stride.
      for (const int64_t padding : {int64_t{0}, int64_t{1}, (kernel - 1) / 2, kernel - 1}) {
        shapes.push_back({2, 8, 7, 8, 8, kernel, stride, padding, true});
        shapes.push_back({1, 7, 10, 4, 4, kernel, stride, padding, true});
      }
    }
  }
  // No kernel of its own.
  shapes.push_back({2, 6, 7, 8, 8, 2, 1, 1, true});
  shapes.push_back({1, 11, 12, 8, 8, 9, 1, 4, true});
  shapes.push_back({2, 9, 10, 8, 8, 3, 3, 1, true});
  shapes.push_back({2, 9, 10, 8, 8, 3, 5, 0, true});
  return shapes;
}

std::string describe(const ConvShape& s) {
  return std::to_string(s.in_c) + " channels, " + std::to_string(s.in_h) + " x " +
         std::to_string(s.in_w) + ", kernel " + std::to_string(s.kernel) + ", stride " +
         std::to_string(s.stride) + ", padding " + std::to_string(s.padding);
}

TEST_CASE("depthwise: every tile, kernel, stride and padding", "[large]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const ConvShape& shape : depthwise_shapes()) {
      INFO(describe(shape));
      ConvInputs in = random_conv_inputs(shape, true);
      for (double& v : in.x) v *= 4;
      const auto expected = run_conv_forward(*reference, shape, Activation::relu6, in, true);
      const auto actual = run_conv_forward(*device, shape, Activation::relu6, in, true);
      CHECK(nmse(actual.y, expected.y) <= kFloat32Nmse);
      CHECK(actual.mask == expected.mask);
      CHECK(nmse(run_conv_grad_input(*device, shape, in.w, in.dy),
                 run_conv_grad_input(*reference, shape, in.w, in.dy)) <= kFloat32Nmse);
      for (const auto& list : channel_lists(shape.in_c)) {
        CHECK(
            nmse(run_conv_grad_weight(*device, shape, SliceKind::input_channels, list, in.x, in.dy),
                 run_conv_grad_weight(*reference, shape, SliceKind::input_channels, list, in.x,
                                      in.dy)) <= kFloat32Nmse);
      }
    }
  }
}

TEST_CASE("depthwise grad_weight: many pieces of rows", "[large]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const ConvShape& shape :
         {ConvShape{60, 10, 2, 5, 5, 3, 1, 1, true}, ConvShape{30, 19, 3, 33, 33, 3, 2, 1, true},
          ConvShape{60, 10, 2, 3, 3, 1, 1, 0, true}}) {
      INFO(describe(shape) << ", batch " << shape.batch);
      const ConvInputs in = random_conv_inputs(shape, false);
      for (const auto& list : channel_lists(shape.in_c)) {
        const auto expected =
            run_conv_grad_weight(*reference, shape, SliceKind::input_channels, list, in.x, in.dy);
        const auto actual =
            run_conv_grad_weight(*device, shape, SliceKind::input_channels, list, in.x, in.dy);
        CHECK(nmse(actual, expected) <= kFloat32Nmse);
        CHECK(bit_identical(
            run_conv_grad_weight(*device, shape, SliceKind::input_channels, list, in.x, in.dy),
            actual));
      }
    }
  }
}

TEST_CASE("reductions: more elements than the fewest pieces hold", "[large]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const auto& [positions, channel_count] :
         {std::pair<int64_t, int64_t>{70000, 1}, {3000, 70}, {129, 3}}) {
      INFO(positions << " x " << channel_count);
      const auto values = random_values(positions * channel_count, 1);
      const Buffer dy(*device, values), db(*device, channel_count);
      device->grad_bias(dy.data(), positions, channel_count, db.data());
      const Buffer exact_dy(*reference, values), exact(*reference, channel_count);
      reference->grad_bias(exact_dy.data(), positions, channel_count, exact.data());
      CHECK(nmse(db.values(), exact.values()) <= kFloat32Nmse);
    }
    const auto values = random_values(300001, 2);
    double expected = 0;
    for (const double v : values) expected += v * v;
    const DeviceArray<double> sum(*device, std::vector<double>{0.0});
    device->add_squares(Buffer(*device, values).data(), 300001, sum.data());
    CHECK(sum.values()[0] == Approx(expected).epsilon(1e-12));
  }
}

/// Mean, variance, dgamma and dbeta of values around `centre`, and dz, y and its mask.
std::vector<std::vector<double>> batch_norm_results(const kernels::Backend& on, int64_t positions,
                                                    int64_t channels, double centre) {
  const int64_t elements = positions * channels;
  const Buffer z(on, random_values(elements, 1, centre - 1, centre + 1));
  const Buffer dy(on, random_values(elements, 2)), gamma(on, random_values(channels, 3));
  const Buffer beta(on, random_values(channels, 4)), residual(on, random_values(elements, 5));
  const Buffer mean(on, channels), variance(on, channels), dgamma(on, channels),
      dbeta(on, channels), y(on, elements), dz(on, elements);
  on.batch_statistics(z.data(), positions, channels, mean.data(), variance.data());
  const kernels::BatchNormBuffers buffers{z.data(),     mean.data(), variance.data(),
                                          gamma.data(), beta.data(), 1e-3};
  on.batch_norm_grad_parameters(buffers, dy.data(), positions, channels, dgamma.data(),
                                dbeta.data());
  on.batch_norm_grad_input(buffers, dy.data(), dgamma.data(), dbeta.data(), positions, channels,
                           dz.data());
  on.batch_norm_forward(buffers, positions, channels, Activation::relu, residual.data(), y.data(),
                        nullptr);
  return {mean.values(),  variance.values(), dgamma.values(),
          dbeta.values(), dz.values(),       y.values()};
}

TEST_CASE("batch_norm: many pieces and tiles, threads with several groups", "[large]") {
  const auto reference = float64_reference();
  for (const auto& device : devices_under_test()) {
    // The last one is more than a GPU full of threads: some have two groups of 8, three of 4.
    for (const auto& [positions, channels] : {std::pair<int64_t, int64_t>{70000, 1},
                                              {3000, 70},
                                              {5000, 16},
                                              {300, 132},
                                              {9, 1030},
                                              {1050, 1024}}) {
      INFO(positions << " x " << channels);
      const auto expected = batch_norm_results(*reference, positions, channels, 0);
      const auto actual = batch_norm_results(*device, positions, channels, 0);
      for (size_t i = 0; i < expected.size(); ++i) {
        INFO("result " << i);
        CHECK(nmse(actual[i], expected[i]) <= kFloat32Nmse);
      }
    }
    // Far from 0, where the difference of two large sums would have no digits left, even in double.
    constexpr double kFar = 1 << 20;
    const auto expected = batch_norm_results(*reference, 3000, 20, kFar);
    const auto actual = batch_norm_results(*device, 3000, 20, kFar);
    CHECK(nmse(actual[0], expected[0]) <= kFloat32Nmse);
    CHECK(nmse(actual[1], expected[1]) <= kFloat32Nmse);
  }
}

}  // namespace
}  // namespace trady::testing
