// Max pooling and the shortcut without parameters. How to add an op or a device:
// device_under_test.h.
#include <catch2/catch.hpp>

#include "tests/kernels/device_under_test.h"

namespace trady::testing {
namespace {

using kernels::GradientMode;
using kernels::MaxPoolShape;
using kernels::ShortcutShape;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// batch, in_h, in_w, channels, kernel, stride, padding
const std::vector<MaxPoolShape> kPools{{1, 1, 1, 1, 1, 1, 0},  {2, 5, 7, 3, 3, 2, 1},
                                       {1, 8, 8, 16, 2, 2, 0}, {2, 9, 4, 5, 3, 1, 1},
                                       {1, 6, 6, 7, 3, 3, 0},  {1, 16, 17, 2, 15, 4, 7}};
// batch, in_h, in_w, in_c, stride, out_c, first_c
const std::vector<ShortcutShape> kShortcuts{
    {1, 1, 1, 1, 1, 1, 0}, {2, 5, 7, 3, 2, 6, 1}, {2, 8, 8, 16, 2, 32, 8}, {1, 4, 4, 3, 3, 3, 0}};

TEST_CASE("max_pool: the first of equal values wins, NaN wins, padding never", "[max_pool]") {
  const MaxPoolShape shape{1, 2, 4, 1, 2, 2, 0};
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const Buffer x(*device, {-5, -3, 2, kNaN, -3, -9, 7, 1}), y(*device, 2);
    const DeviceArray<uint8_t> winner(*device, 2);
    device->max_pool_forward(shape, x.data(), y.data(), winner.data());
    CHECK(y.values()[0] == -3);
    CHECK(std::isnan(y.values()[1]));
    CHECK(winner.values() == std::vector<uint8_t>{1, 1});
    const Buffer edge(*device, {-5.0, -4.0}), padded(*device, 2);
    device->max_pool_forward({1, 1, 2, 1, 3, 1, 1}, edge.data(), padded.data(), nullptr);
    CHECK(padded.values() == std::vector<double>{-4, -4});
  }
}

TEST_CASE("max_pool: every device against the reference", "[max_pool]") {
  const auto oracle = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const MaxPoolShape& s : kPools) {
      INFO(describe(*device) << ", kernel " << s.kernel << ", stride " << s.stride);
      const int64_t in = s.batch * s.in_h * s.in_w * s.channels;
      const int64_t out = s.batch * s.out_h() * s.out_w() * s.channels;
      const auto run = [&](const kernels::Backend& on) {
        const Buffer x(on, random_values(in, 1)), y(on, out), dx(on, in);
        const Buffer dy(on, random_values(out, 2));
        const DeviceArray<uint8_t> winner(on, out);
        on.max_pool_forward(s, x.data(), y.data(), winner.data());
        on.max_pool_backward(s, dy.data(), winner.data(), dx.data());
        const auto taps = winner.values();
        return std::vector{y.values(), std::vector<double>(taps.begin(), taps.end()), dx.values()};
      };
      const auto expected = run(*oracle);
      const auto actual = run(*device);
      CHECK(actual[0] == expected[0]);
      CHECK(actual[1] == expected[1]);
      CHECK(nmse(actual[2], expected[2]) <= kFloat32Nmse);
    }
  }
}

TEST_CASE("max_pool: dx is the derivative of y", "[max_pool]") {
  const auto oracle = float64_reference();
  const MaxPoolShape s{1, 5, 5, 2, 3, 2, 1};
  const int64_t in = 50, out = 18;
  const auto values = random_values(in, 1);
  const auto weights = random_values(out, 2);
  const DeviceArray<uint8_t> winner(*oracle, out);
  const auto weighted_sum = [&](const std::vector<double>& x_values) {
    const Buffer x(*oracle, x_values), y(*oracle, out);
    oracle->max_pool_forward(s, x.data(), y.data(), winner.data());
    double sum = 0;
    for (size_t i = 0; i < weights.size(); ++i) sum += weights[i] * y.values()[i];
    return sum;
  };
  weighted_sum(values);
  const Buffer dy(*oracle, weights), dx(*oracle, in);
  oracle->max_pool_backward(s, dy.data(), winner.data(), dx.data());
  for (size_t i = 0; i < values.size(); ++i) {
    constexpr double kStep = 1e-6;
    auto above = values, below = values;
    above[i] += kStep;
    below[i] -= kStep;
    const double difference = (weighted_sum(above) - weighted_sum(below)) / (2 * kStep);
    CHECK(dx.values()[i] == Approx(difference).margin(1e-8));
  }
}

TEST_CASE("shortcut: pixels and channels by hand, and its transpose", "[max_pool]") {
  const ShortcutShape shape{1, 3, 3, 1, 2, 3, 1};
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const Buffer x(*device, {1, 2, 3, 4, 5, 6, 7, 8, 9}), y(*device, 12);
    device->shortcut_forward(shape, x.data(), y.data());
    CHECK(y.values() == std::vector<double>{0, 1, 0, 0, 3, 0, 0, 7, 0, 0, 9, 0});
    const Buffer dx(*device, 9);
    device->shortcut_backward(shape, y.data(), dx.data(), GradientMode::overwrite);
    CHECK(dx.values() == std::vector<double>{1, 0, 3, 0, 0, 0, 7, 0, 9});
    device->shortcut_backward(shape, y.data(), dx.data(), GradientMode::accumulate);
    CHECK(dx.values() == std::vector<double>{2, 0, 6, 0, 0, 0, 14, 0, 18});
  }
}

TEST_CASE("shortcut: every device against the reference", "[max_pool]") {
  const auto oracle = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const ShortcutShape& s : kShortcuts) {
      INFO(describe(*device) << ", " << s.in_c << " to " << s.out_c << " channels");
      const int64_t in = s.batch * s.in_h * s.in_w * s.in_c;
      const int64_t out = s.batch * s.out_h() * s.out_w() * s.out_c;
      const auto run = [&](const kernels::Backend& on) {
        const Buffer x(on, random_values(in, 1)), y(on, out), dx(on, random_values(in, 3));
        const Buffer dy(on, random_values(out, 2));
        on.shortcut_forward(s, x.data(), y.data());
        on.shortcut_backward(s, dy.data(), dx.data(), GradientMode::accumulate);
        return std::vector{y.values(), dx.values()};
      };
      const auto expected = run(*oracle);
      const auto actual = run(*device);
      CHECK(actual[0] == expected[0]);
      CHECK(nmse(actual[1], expected[1]) <= kFloat32Nmse);
    }
  }
}

TEST_CASE("max_pool and shortcut: sizes that make no sense are refused", "[max_pool]") {
  const auto oracle = float64_reference();
  CHECK_THROWS_AS(oracle->max_pool_forward({1, 2, 2, 1, 3, 1, 0}, nullptr, nullptr, nullptr),
                  std::invalid_argument);
  CHECK_THROWS_AS(oracle->max_pool_forward({1, 9, 9, 1, 3, 1, 2}, nullptr, nullptr, nullptr),
                  std::invalid_argument);
  CHECK_THROWS_AS(oracle->max_pool_forward({1, 40, 40, 1, 16, 1, 0}, nullptr, nullptr, nullptr),
                  std::invalid_argument);
  CHECK_THROWS_AS(oracle->shortcut_forward({1, 2, 2, 4, 1, 5, 2}, nullptr, nullptr),
                  std::invalid_argument);
}

}  // namespace
}  // namespace trady::testing
