// From the losses of a batch to updated weights: what a step tells of itself, whether it updates,
// and SGD. How to add an op or a device: device_under_test.h.
#include <catch2/catch.hpp>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::ConvShape;
using kernels::SliceKind;
using kernels::StepControl;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A control block in a device's memory.
class DeviceControl {
 public:
  DeviceControl(const kernels::Backend& device, const StepControl& control)
      : block_(device, std::vector<StepControl>{control}) {}
  StepControl* data() const { return block_.data(); }
  StepControl value() const { return block_.values()[0]; }

 private:
  DeviceArray<StepControl> block_;
};

TEST_CASE("add_squares: adds the sum of squares", "[update]") {
  for (const auto& device : all_devices()) {
    for (const int64_t elements : {0, 1, 7, 64, 1003, 40000}) {
      INFO(describe(*device) << ", " << elements << " elements");
      const auto values = random_values(elements, 1);
      double expected = 2.5;
      for (const double v : values) expected += v * v;
      const DeviceArray<double> sum(*device, std::vector<double>{2.5});
      device->add_squares(Buffer(*device, values).data(), elements, sum.data());
      CHECK(sum.values()[0] == Approx(expected).epsilon(1e-12));
    }
    for (const double wrong : {kNaN, kInfinity}) {
      auto values = random_values(37, 1);
      values[36] = wrong;
      const DeviceArray<double> sum(*device, std::vector<double>{0.0});
      device->add_squares(Buffer(*device, values).data(), 37, sum.data());
      CHECK_FALSE(std::isfinite(sum.values()[0]));
    }
  }
}

TEST_CASE("summarize: losses and right predictions of the batch", "[update]") {
  for (const auto& device : all_devices()) {
    for (const int64_t count : {1, 5, 300}) {
      INFO(describe(*device) << ", " << count << " samples");
      const auto losses = random_values(count, 1, 0, 3);
      std::vector<int32_t> predicted, labels;
      double sum = 0;
      int64_t correct = 0;
      for (int64_t i = 0; i < count; ++i) {
        predicted.push_back(i % 7 == 0 ? -1 : static_cast<int32_t>(i % 3));
        labels.push_back(static_cast<int32_t>(i % 2));
        sum += losses[static_cast<size_t>(i)];
        correct += predicted.back() == labels.back();
      }
      const DeviceArray<double> loss(*device, losses);
      const DeviceArray<int32_t> prediction(*device, predicted), label(*device, labels);
      const DeviceControl control(*device, {.learning_rate = 0.5, .squared_norm = 7});
      device->summarize({loss.data(), prediction.data(), label.data(), count}, control.data());
      CHECK(control.value().loss_sum == Approx(sum).epsilon(1e-14));
      CHECK(control.value().correct == correct);
      CHECK(control.value().squared_norm == 0);
      CHECK(control.value().learning_rate == 0.5);
    }
  }
}

TEST_CASE("judge: clips a long gradient, halts for good where something is not finite",
          "[update]") {
  struct Case {
    double clip, loss_sum, squared_norm;
    int32_t halted;
    double scale;
    int32_t updates;
  };
  const Case cases[] = {
      {0, 3, 16, 0, 1, 1},          {5, 3, 16, 0, 1, 1},   {2, 3, 16, 0, 2 / (4 + 1e-6), 1},
      {0, kNaN, 16, 0, 1, 0},       {0, 3, kNaN, 0, 1, 0}, {0, kInfinity, 1, 0, 1, 0},
      {1, 3, kInfinity, 0, 0.0, 0}, {0, 3, 16, 1, 1, 0},
  };
  for (const auto& device : all_devices()) {
    for (const Case& test : cases) {
      INFO(describe(*device) << ", loss " << test.loss_sum << ", squares " << test.squared_norm);
      const DeviceControl control(*device,
                                  {.loss_sum = test.loss_sum, .squared_norm = test.squared_norm});
      const DeviceArray<int32_t> halted(*device, std::vector<int32_t>{test.halted});
      device->judge(test.clip, control.data(), halted.data());
      CHECK(control.value().gradient_scale == Approx(test.scale).epsilon(1e-14));
      CHECK(control.value().updates == test.updates);
      CHECK(halted.values()[0] == 1 - test.updates);
    }
  }
}

TEST_CASE("sgd: exactly the listed slices change", "[update]") {
  for_each_slicing([](const kernels::Backend& device, const ConvShape& shape, SliceKind kind,
                      const std::vector<int32_t>& list) {
    const double learning_rate = 0.03, scale = 0.25;
    const auto before = random_values(shape.weight_elements(), 1);
    const auto dw_values = random_values(slice_elements(shape, kind) * count_of(list), 2);
    const Buffer w(device, before), dw(device, dw_values);
    const DeviceChannels channels(device, list);
    const DeviceControl control(
        device, {.learning_rate = learning_rate, .gradient_scale = scale, .updates = 1});
    kernels::SgdArgs args{w.data(), dw.data(), kind, channels.list(), control.data()};
    device.sgd(shape, args);

    // Untouched elements count in full: what is not listed has to keep every bit.
    auto expected = before;
    auto kept = w.values();
    const auto positions = slice_positions(shape, kind, list);
    for (size_t i = 0; i < positions.size(); ++i) {
      expected[positions[i]] -= learning_rate * scale * dw_values[i];
      kept[positions[i]] = before[positions[i]];
    }
    CHECK(nmse(w.values(), expected) <= 1e-13);
    CHECK(bit_identical(kept, before));

    const DeviceControl halted(device, {.learning_rate = learning_rate, .updates = 0});
    const auto after = w.values();
    args.control = halted.data();
    device.sgd(shape, args);
    CHECK(bit_identical(w.values(), after));
  });
}

TEST_CASE("sgd: momentum and weight decay, of listed slices and of everything", "[update]") {
  const double rate = 0.03, scale = 0.5, decay = 0.01, momentum = 0.9;
  for (const auto& device : all_devices()) {
    for (const ConvShape& shape :
         {ConvShape{1, 4, 4, 6, 5, 3, 1, 1, false}, ConvShape{1, 4, 4, 6, 6, 3, 1, 1, true}}) {
      for (const bool everything : {false, true}) {
        INFO(describe(*device) << (shape.depthwise ? ", depthwise" : "")
                               << (everything ? ", all" : ", listed"));
        std::vector<int32_t> list{0, 2, 5};
        if (everything) list = {0, 1, 2, 3, 4, 5};
        const DeviceChannels channels(*device, list);
        const auto kind = SliceKind::input_channels;
        const auto dw_values = random_values(slice_elements(shape, kind) * count_of(list), 2);
        auto w_values = random_values(shape.weight_elements(), 1);
        auto v_values = random_values(shape.weight_elements(), 3);
        const Buffer w(*device, w_values), v(*device, v_values), dw(*device, dw_values);
        const DeviceControl control(*device,
                                    {.learning_rate = rate, .gradient_scale = scale, .updates = 1});
        kernels::ChannelList given = channels.list();
        if (everything) given.index = nullptr;
        device->sgd(shape,
                    {w.data(), dw.data(), kind, given, control.data(), decay, momentum, v.data()});
        const auto positions = slice_positions(shape, kind, list);
        for (size_t i = 0; i < positions.size(); ++i) {
          double& weight = w_values[positions[i]];
          double& velocity = v_values[positions[i]];
          velocity = momentum * velocity + scale * dw_values[i] + decay * weight;
          weight -= rate * velocity;
        }
        CHECK(nmse(w.values(), w_values) <= 1e-13);
        CHECK(nmse(v.values(), v_values) <= 1e-13);
      }
    }
  }
}

TEST_CASE("sgd: more channels than there are is refused by the reference", "[update]") {
  const auto reference = float64_reference();
  const ConvShape shape{1, 4, 4, 3, 5, 1, 1, 0, false};
  const DeviceChannels four(*reference, {0, 1, 2, 3});
  const Buffer w(*reference, 15), dw(*reference, 20);
  const DeviceControl control(*reference, {.updates = 1});
  CHECK_THROWS_AS(reference->sgd(shape, {w.data(), dw.data(), SliceKind::input_channels,
                                         four.list(), control.data()}),
                  std::invalid_argument);
  CHECK_NOTHROW(reference->sgd(
      shape, {w.data(), dw.data(), SliceKind::output_channels, four.list(), control.data()}));
}

}  // namespace
}  // namespace trady::testing
