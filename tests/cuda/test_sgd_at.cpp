// SGD with its learning rate in device memory, as a captured graph reads it.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

TEST_CASE("sgd_at: the rate on the device is the one that counts", "[slices]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const kernels::ConvShape shape{1, 4, 4, 6, 5, 3, 1, 1, false};
  const auto before = random_values(shape.weight_elements(), 1);
  const DeviceChannels channels(*cuda, {1, 4});
  const Buffer dw(*cuda, random_values(2 * shape.weights_per_input_channel(), 2));
  const auto step = [&](double in_args, const double* on_device) {
    const Buffer w(*cuda, before);
    cuda->sgd_at(
        shape, {w.data(), dw.data(), kernels::SliceKind::input_channels, channels.list(), in_args},
        on_device);
    return w.values();
  };
  const DeviceArray<double> rate(*cuda, std::vector<double>{0.03});
  CHECK(bit_identical(step(7, rate.data()), step(0.03, nullptr)));
  CHECK_FALSE(bit_identical(step(7, rate.data()), before));
}

}  // namespace
}  // namespace trady::testing
