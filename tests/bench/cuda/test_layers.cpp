#include <catch2/catch.hpp>

#include "bench/cuda/layers.h"
#include "bench/cuda/work_floor.h"

namespace trady::bench {

using kernels::ConvShape;
using kernels::cuda::Precision;

TEST_CASE("layers of one shape are one layer, and every conv is in one") {
  const auto layers = layers_of("mbv2-w0.35", 0, 128);
  size_t convs = 0;
  for (const Layer& layer : layers) {
    convs += layer.convs.size();
    CHECK(layer.shape.batch == 128);
  }
  CHECK(convs == 51);
  CHECK(layers.size() < 51);
  CHECK(layers.front().name == "first_conv");
  CHECK(layers.front().shape.in_h == 128);
}

TEST_CASE("ResNet-50 has its published size") {
  int64_t weights = 0, multiply_adds = 0;
  for (const Layer& layer : layers_of("resnet-50", 0, 1)) {
    const auto convs = static_cast<int64_t>(layer.convs.size());
    weights += convs * layer.shape.weight_elements();
    multiply_adds += convs * layer.shape.multiply_adds();
  }
  CHECK(weights == 23454912);  // 25.6 M less the classifier and batch-norm
  CHECK(multiply_adds == 4087136256);
}

TEST_CASE("sparsity leaves at least one channel, evenly spread") {
  CHECK(channels_left(96, 0) == 96);
  CHECK(channels_left(96, 0.95) == 5);
  CHECK(channels_left(8, 0.99) == 1);
  CHECK(spread_channels(8, 2) == std::vector<int32_t>{2, 6});
  CHECK(spread_channels(3, 3) == std::vector<int32_t>{0, 1, 2});
}

TEST_CASE("the floor is the largest of moving, computing and starting") {
  const MachineRates rates{
      .bytes_per_second = 1e12, .tf32_flops = 1e14, .fp32_flops = 1e13, .empty_node_us = 2};
  CHECK(floor_of({.bytes = 5000000, .operations = 1, .on_tensor_cores = true}, rates).us ==
        Approx(5));
  CHECK(floor_of({.bytes = 8, .operations = 1000000000, .on_tensor_cores = true}, rates).us ==
        Approx(10));
  CHECK(floor_of({.bytes = 8, .operations = 1000000000, .on_tensor_cores = false}, rates).us ==
        Approx(100));
  CHECK(floor_of({.bytes = 8, .operations = 8, .on_tensor_cores = true}, rates).us == 2);
}

TEST_CASE("a sliced gradient has to read all of dy, packed x, and write packed dw") {
  const ConvShape pointwise{2, 4, 4, 16, 24, 1, 1, 0, false};
  const Work work = sliced_gradient_work(pointwise, 3, Precision::tf32);
  CHECK(work.bytes == 4 * (2 * 16 * 24 + 2 * 16 * 3 + 24 * 3));
  CHECK(work.operations == 2 * 2 * 16 * 24 * 3);
  CHECK(work.on_tensor_cores);
  CHECK_FALSE(sliced_gradient_work(pointwise, 3, Precision::fp32).on_tensor_cores);
}

TEST_CASE("of a depthwise dy, memory moves whole sectors of 8 channels") {
  const ConvShape depthwise{1, 4, 4, 64, 64, 3, 1, 1, true};
  const auto bytes = [&](int64_t count) {
    return sliced_gradient_work(depthwise, count, Precision::tf32).bytes;
  };
  CHECK(bytes(1) == 4 * (16 + 9) + 4 + 32 * 16);
  CHECK(bytes(64) - bytes(32) == 4 * 32 * (16 + 9) + 4 * 32);  // all sectors at 32 of 64 already
}

}  // namespace trady::bench
