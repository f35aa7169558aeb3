// Batch-norm with the statistics of a batch, and what a frozen one asks of SGD. How to add an op or
// a device: device_under_test.h.
#include <catch2/catch.hpp>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::BatchNormBuffers;
using kernels::SliceKind;
using kernels::StepControl;

struct Rows {
  int64_t positions, channels;
};
const std::vector<Rows> kRows{{1, 1}, {1, 9}, {7, 1}, {35, 3}, {64, 16}, {100, 257}, {300, 40}};

/// The values of one batch-norm on one device.
struct Layer {
  Layer(const kernels::Backend& device, const Rows& rows)
      : z(device, random_values(rows.positions * rows.channels, 1, -1, 3)),
        mean(device, random_values(rows.channels, 2)),
        variance(device, random_values(rows.channels, 3, 0.1, 2)),
        gamma(device, random_values(rows.channels, 4)),
        beta(device, random_values(rows.channels, 5)) {}
  BatchNormBuffers buffers() const {
    return {z.data(), mean.data(), variance.data(), gamma.data(), beta.data(), 1e-3};
  }
  Buffer z, mean, variance, gamma, beta;
};

std::string describe_rows(const kernels::Backend& device, const Rows& rows) {
  return describe(device) + ", " + std::to_string(rows.positions) + " positions, " +
         std::to_string(rows.channels) + " channels";
}

/// Runs `work(device)` on every device and compares the values that it returns with the oracle's.
template <typename Work>
void compare(const Work& work) {
  const auto oracle = float64_reference();
  for (const auto& device : devices_under_test()) {
    for (const Rows& rows : kRows) {
      INFO(describe_rows(*device, rows));
      const auto expected = work(*oracle, rows);
      const auto actual = work(*device, rows);
      REQUIRE(actual.size() == expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        INFO("result " << i);
        CHECK(nmse(actual[i], expected[i]) <= kFloat32Nmse);
      }
    }
  }
}

TEST_CASE("batch_statistics: mean and biased variance by hand", "[batch_norm]") {
  const auto oracle = float64_reference();
  const Buffer z(*oracle, {1, 10, 2, 10, 6, 10});  // channels (1, 2, 6) and (10, 10, 10)
  const Buffer mean(*oracle, 2), variance(*oracle, 2);
  oracle->batch_statistics(z.data(), 3, 2, mean.data(), variance.data());
  CHECK(mean.values() == std::vector<double>{3, 10});
  CHECK(variance.values()[0] == Approx(14.0 / 3));
  CHECK(variance.values()[1] == 0);
}

TEST_CASE("batch_statistics: every device against the reference", "[batch_norm]") {
  compare([](const kernels::Backend& device, const Rows& rows) {
    const Layer layer(device, rows);
    const Buffer mean(device, rows.channels), variance(device, rows.channels);
    device.batch_statistics(layer.z.data(), rows.positions, rows.channels, mean.data(),
                            variance.data());
    return std::vector{mean.values(), variance.values()};
  });
}

TEST_CASE("batch_norm_forward: every device against the reference", "[batch_norm]") {
  for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6}) {
    for (const bool in_place : {false, true}) {
      compare([&](const kernels::Backend& device, const Rows& rows) {
        const Layer layer(device, rows);
        const int64_t elements = rows.positions * rows.channels;
        const Buffer residual(device, random_values(elements, 6, -8, 8));
        const Buffer own(device, elements);
        const Buffer& y = in_place ? residual : own;
        const DeviceArray<uint8_t> mask(device, kernels::mask_bytes(elements));
        device.batch_norm_forward(layer.buffers(), rows.positions, rows.channels, activation,
                                  in_place ? residual.data() : nullptr, y.data(), mask.data());
        const std::vector<uint8_t> bytes = mask.values();
        std::vector<double> bits;
        for (int64_t i = 0; i < elements; ++i) {
          bits.push_back(bytes[static_cast<size_t>(i / 8)] >> (i % 8) & 1);
        }
        return std::vector{y.values(), bits};
      });
    }
  }
}

TEST_CASE("batch_norm: gradients on every device against the reference", "[batch_norm]") {
  compare([](const kernels::Backend& device, const Rows& rows) {
    const Layer layer(device, rows);
    const int64_t elements = rows.positions * rows.channels;
    const Buffer dy(device, random_values(elements, 7)), dz(device, elements);
    const Buffer dgamma(device, rows.channels), dbeta(device, rows.channels);
    device.batch_norm_grad_parameters(layer.buffers(), dy.data(), rows.positions, rows.channels,
                                      dgamma.data(), dbeta.data());
    const auto sums = std::vector{dgamma.values(), dbeta.values()};
    // The same sums for every device: their rounding is not this primitive's.
    const Buffer given_gamma(device, random_values(rows.channels, 8));
    const Buffer given_beta(device, random_values(rows.channels, 9));
    device.batch_norm_grad_input(layer.buffers(), dy.data(), given_gamma.data(), given_beta.data(),
                                 rows.positions, rows.channels, dz.data());
    device.batch_norm_grad_input(layer.buffers(), dy.data(), given_gamma.data(), given_beta.data(),
                                 rows.positions, rows.channels, dy.data());
    CHECK(bit_identical(dy.values(), dz.values()));
    return std::vector{sums[0], sums[1], dz.values()};
  });
}

TEST_CASE("update_statistics: momentum, unbiased variance, nothing where nothing is updated",
          "[batch_norm]") {
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const Buffer mean(*device, {4.0, -1.0}), variance(*device, {2.0, 3.0});
    for (const int32_t updates : {0, 1}) {
      StepControl control;
      control.updates = updates;
      const DeviceArray<StepControl> block(*device, std::vector<StepControl>{control});
      const Buffer running_mean(*device, {1.0, 1.0}), running_variance(*device, {1.0, 1.0});
      const auto update = [&](int64_t positions) {
        device->update_statistics(block.data(), mean.data(), variance.data(), positions, 2, 0.25,
                                  running_mean.data(), running_variance.data());
      };
      update(3);
      if (updates == 0) {
        CHECK(running_mean.values() == std::vector<double>{1, 1});
        CHECK(running_variance.values() == std::vector<double>{1, 1});
        continue;
      }
      CHECK(running_mean.values() == std::vector<double>{1.75, 0.5});
      CHECK(running_variance.values() == std::vector<double>{1.5, 1.875});  // of 3 and 4.5
      update(1);
      CHECK(running_variance.values() == std::vector<double>{1.625, 2.15625});
    }
  }
}

TEST_CASE("scale_rows: all rows in order, or those listed", "[batch_norm]") {
  for (const auto& device : all_devices()) {
    INFO(describe(*device));
    const Buffer scale(*device, {2.0, 3.0, 5.0});
    const Buffer whole(*device, std::vector<double>(6, 1.0));
    device->scale_rows(whole.data(), {nullptr, 3}, 2, scale.data());
    CHECK(whole.values() == std::vector<double>{2, 2, 3, 3, 5, 5});
    const Buffer some(*device, std::vector<double>(4, 1.0));
    const DeviceArray<int32_t> rows(*device, std::vector<int32_t>{0, 2});
    device->scale_rows(some.data(), {rows.data(), 2}, 2, scale.data());
    CHECK(some.values() == std::vector<double>{2, 2, 5, 5});
  }
}

TEST_CASE("sgd: an output channel with a rate of its own", "[batch_norm]") {
  const auto oracle = float64_reference();
  kernels::ConvShape dense;
  dense.in_h = dense.in_w = 5;
  dense.in_c = 3;
  dense.out_c = 4;
  dense.kernel = 3;
  kernels::ConvShape depthwise = dense;
  depthwise.depthwise = true;
  depthwise.out_c = 3;
  for (const auto& device : devices_under_test()) {
    for (const kernels::ConvShape& shape : {dense, depthwise}) {
      for (const SliceKind kind : {SliceKind::input_channels, SliceKind::output_channels}) {
        for (const bool momentum : {false, true}) {
          INFO(describe(*device) << " " << shape.depthwise << static_cast<int>(kind) << momentum);
          const auto step = [&](const kernels::Backend& on) {
            StepControl control;
            control.updates = 1;
            control.learning_rate = 0.5;
            control.gradient_scale = 0.25;
            const DeviceArray<StepControl> block(on, std::vector<StepControl>{control});
            const DeviceArray<int32_t> channels(on, std::vector<int32_t>{0, 2});
            const int64_t elements = shape.weight_elements();
            const bool columns = kind == SliceKind::input_channels && !shape.depthwise;
            const Buffer w(on, random_values(elements, 1)),
                velocity(on, random_values(elements, 2));
            const Buffer dw(on,
                            random_values(2 * elements / (columns ? shape.in_c : shape.out_c), 3));
            const Buffer rates(on, random_values(shape.out_c, 4));
            kernels::SgdArgs args;
            args.w = w.data();
            args.dw = dw.data();
            args.kind = kind;
            args.channels = {channels.data(), 2};
            args.control = block.data();
            args.row_scale = rates.data();
            if (momentum) {
              args.momentum = 0.9;
              args.velocity = velocity.data();
            }
            on.sgd(shape, args);
            return std::vector{w.values(), velocity.values()};
          };
          const auto expected = step(*oracle);
          const auto actual = step(*device);
          CHECK(nmse(actual[0], expected[0]) <= kFloat32Nmse);
          CHECK(nmse(actual[1], expected[1]) <= kFloat32Nmse);
        }
      }
    }
  }
}

TEST_CASE("sgd: a row's rate multiplies its step", "[batch_norm]") {
  const auto oracle = float64_reference();
  kernels::ConvShape shape;
  shape.out_c = 2;
  shape.in_c = 2;
  StepControl control;
  control.updates = 1;
  control.learning_rate = 1;
  control.gradient_scale = 1;
  const Buffer w(*oracle, {10, 10, 10, 10}), dw(*oracle, {1, 2, 3, 4}), rates(*oracle, {1, -2});
  kernels::SgdArgs args;
  args.w = w.data();
  args.dw = dw.data();
  args.kind = SliceKind::output_channels;
  args.channels = {nullptr, 2};
  args.control = &control;
  args.row_scale = rates.data();
  oracle->sgd(shape, args);
  CHECK(w.values() == std::vector<double>{9, 8, 16, 18});
}

}  // namespace
}  // namespace trady::testing
