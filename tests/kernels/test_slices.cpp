// SGD on the listed slices, and their norms. How to add an op or a device: device_under_test.h.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::ConvShape;
using kernels::SliceKind;

constexpr SliceKind kBothKinds[] = {SliceKind::input_channels, SliceKind::output_channels};

/// visit(device, case, kind, list) for all of them, the float64 reference among the devices.
template <typename Visit>
void for_each_slicing(const Visit& visit) {
  auto devices = devices_under_test();
  devices.push_back(float64_reference());
  for (const auto& device : devices) {
    for (const ConvCase& test : odd_convs()) {
      for (const SliceKind kind : kBothKinds) {
        for (const auto& list : channel_lists(channels_of_kind(test.shape, kind))) {
          INFO(describe(*device) << ", " << test.name << ", " << list.size()
                                 << (kind == SliceKind::input_channels ? " input" : " output")
                                 << " channels");
          visit(*device, test.shape, kind, list);
        }
      }
    }
  }
}

TEST_CASE("sgd: exactly the listed slices change", "[slices]") {
  for_each_slicing([](const kernels::Backend& device, const ConvShape& shape, SliceKind kind,
                      const std::vector<int32_t>& list) {
    const double learning_rate = 0.03;
    const auto before = random_values(shape.weight_elements(), 1);
    const auto dw_values = random_values(slice_elements(shape, kind) * count_of(list), 2);
    const Buffer w(device, before), dw(device, dw_values);
    const DeviceChannels channels(device, list);
    device.sgd(shape, {w.data(), dw.data(), kind, channels.list(), learning_rate});

    // Untouched elements count in full: what is not listed has to keep every bit.
    auto expected = before;
    auto kept = w.values();
    const auto positions = slice_positions(shape, kind, list);
    for (size_t i = 0; i < positions.size(); ++i) {
      expected[positions[i]] -= learning_rate * dw_values[i];
      kept[positions[i]] = before[positions[i]];
    }
    CHECK(nmse(w.values(), expected) <= 1e-13);
    CHECK(bit_identical(kept, before));
  });
}

TEST_CASE("slice norms: the L2 norm of every slice", "[slices]") {
  for_each_slicing([](const kernels::Backend& device, const ConvShape& shape, SliceKind kind,
                      const std::vector<int32_t>& list) {
    const auto dw_values = random_values(slice_elements(shape, kind) * count_of(list), 1);
    const Buffer dw(device, dw_values);
    const DeviceArray<double> norms(device, count_of(list));
    device.slice_norms(shape, kind, count_of(list), dw.data(), norms.data());

    // A slice is named by its channel, whatever the layout: the weight index tells it.
    std::vector<double> squares(static_cast<size_t>(channels_of_kind(shape, kind)));
    const auto positions = slice_positions(shape, kind, list);
    for (size_t i = 0; i < positions.size(); ++i) {
      const auto at = static_cast<int64_t>(positions[i]);
      const int64_t channel = shape.depthwise                     ? at / shape.taps()
                              : kind == SliceKind::input_channels ? at % shape.in_c
                                                                  : at / shape.taps() / shape.in_c;
      squares[static_cast<size_t>(channel)] += dw_values[i] * dw_values[i];
    }
    std::vector<double> expected;
    for (const int32_t c : list) expected.push_back(std::sqrt(squares[static_cast<size_t>(c)]));
    CHECK(nmse(norms.values(), expected) <= 1e-13);
  });
}

TEST_CASE("slices: more channels than there are is refused by the reference", "[slices]") {
  const auto reference = float64_reference();
  const ConvShape shape{1, 4, 4, 3, 5, 1, 1, 0, false};
  const DeviceChannels four(*reference, {0, 1, 2, 3});
  const Buffer w(*reference, 15), dw(*reference, 20);
  CHECK_THROWS_AS(
      reference->sgd(shape, {w.data(), dw.data(), SliceKind::input_channels, four.list(), 1}),
      std::invalid_argument);
  CHECK_NOTHROW(
      reference->sgd(shape, {w.data(), dw.data(), SliceKind::output_channels, four.list(), 1}));
}

}  // namespace
}  // namespace trady::testing
