// Norms of the listed slices. How to add an op or a device: device_under_test.h.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::ConvShape;
using kernels::SliceKind;

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
  const Buffer dw(*reference, 20);
  const DeviceArray<double> norms(*reference, 4);
  CHECK_THROWS_AS(
      reference->slice_norms(shape, SliceKind::input_channels, 4, dw.data(), norms.data()),
      std::invalid_argument);
  CHECK_NOTHROW(
      reference->slice_norms(shape, SliceKind::output_channels, 4, dw.data(), norms.data()));
}

}  // namespace
}  // namespace trady::testing
