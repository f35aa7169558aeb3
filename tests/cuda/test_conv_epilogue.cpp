// The fused pass behind vendor convolutions against the reference: a pointwise convolution whose
// weight is the identity has the sums themselves as its product.
#include <catch2/catch.hpp>

#include "kernels/cuda/conv_epilogue.h"
#include "tests/cuda/cuda_device.h"
#include "tests/cuda/packed_slots.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::cuda::ConvEpilogue;

constexpr Activation kActivations[] = {Activation::none, Activation::relu, Activation::relu6};

struct Case {
  int64_t positions, columns;
};

/// One of everything; fewer than four, no multiple of four or eight, several blocks, whole blocks.
std::vector<Case> cases() {
  return {{1, 1}, {3, 1}, {1, 3},  {5, 4},   {1, 7},   {9, 8},
          {7, 5}, {4, 6}, {31, 9}, {97, 33}, {128, 8}, {300, 17}};
}

ConvShape identity_shape(const Case& c) {
  return {c.positions, 1, 1, c.columns, c.columns, 1, 1, 0, false};
}

/// x are the sums; spread so that both ends of ReLU6 are met.
ConvInputs identity_inputs(const ConvShape& shape, bool with_residual) {
  ConvInputs in = random_conv_inputs(shape, with_residual);
  in.x = random_values(shape.in_elements(), 1, -2, 8);
  for (size_t i = 0; i < in.w.size(); ++i) {
    in.w[i] = i % (static_cast<size_t>(shape.in_c) + 1) == 0 ? 1 : 0;
  }
  return in;
}

/// Memory of one call on a device.
struct Setting {
  const kernels::cuda::CudaBackend& cuda;
  ConvShape shape;
  Buffer sums, bias, residual;
  Buffer y{cuda, shape.out_elements()};
  DeviceArray<uint8_t> mask{cuda, kernels::mask_bytes(shape.out_elements())};

  Setting(const kernels::cuda::CudaBackend& device, const ConvShape& s, const ConvInputs& in)
      : cuda(device),
        shape(s),
        sums(device, in.x),
        bias(device, in.bias),
        residual(device, in.residual) {}

  ConvEpilogue epilogue(Activation activation) const {
    return {.sums = static_cast<const float*>(sums.data()),
            .bias = static_cast<const float*>(bias.data()),
            .residual = static_cast<const float*>(residual.data()),
            .y = static_cast<float*>(y.data()),
            .mask = mask.data(),
            .positions = shape.out_positions(),
            .columns = shape.out_c,
            .activation = activation};
  }
  void run(const ConvEpilogue& epilogue) const {
    kernels::cuda::conv_epilogue(epilogue, static_cast<cudaStream_t>(cuda.stream()));
  }
};

TEST_CASE("conv epilogue: bias, residual, activation and mask as the reference", "[epilogue]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  const auto reference = kernels::make_reference_backend(kernels::DType::float32);
  for (const Case& test : cases()) {
    const ConvShape shape = identity_shape(test);
    for (const bool with_residual : {false, true}) {
      for (const Activation activation : kActivations) {
        INFO(test.positions << " x " << test.columns << (with_residual ? ", residual" : ""));
        const ConvInputs in = identity_inputs(shape, with_residual);
        const auto expected = run_conv_forward(*reference, shape, activation, in, true);
        const Setting apart(*cuda, shape, in);
        apart.run(apart.epilogue(activation));
        CHECK(nmse(apart.y.values(), expected.y) <= kFloat32Nmse);
        CHECK(apart.mask.values() == expected.mask);

        const Setting in_place(*cuda, shape, in);
        ConvEpilogue epilogue = in_place.epilogue(activation);
        epilogue.y = static_cast<float*>(in_place.sums.data());
        in_place.run(epilogue);
        CHECK(bit_identical(in_place.sums.values(), apart.y.values()));
        CHECK(in_place.mask.values() == apart.mask.values());

        if (!with_residual) continue;
        const Setting over_residual(*cuda, shape, in);
        epilogue = over_residual.epilogue(activation);
        epilogue.y = static_cast<float*>(over_residual.residual.data());
        over_residual.run(epilogue);
        CHECK(bit_identical(over_residual.residual.values(), apart.y.values()));
      }
    }
  }
}

TEST_CASE("conv epilogue: the listed columns are packed", "[epilogue]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  for (const Case& test : cases()) {
    const ConvShape shape = identity_shape(test);
    const ConvInputs in = identity_inputs(shape, true);
    for (const auto& list : channel_lists(shape.out_c)) {
      INFO(test.positions << " x " << test.columns << ", " << list.size() << " listed");
      const Setting setting(*cuda, shape, in);
      const DeviceArray<int32_t> slots(*cuda, slots_of(list, shape.out_c));
      const Buffer saved(*cuda, shape.out_positions() * count_of(list));
      ConvEpilogue epilogue = setting.epilogue(Activation::relu6);
      epilogue.save = {slots.data(), static_cast<float*>(saved.data()), count_of(list)};
      setting.run(epilogue);

      const DeviceChannels channels(*cuda, list);
      const Buffer packed(*cuda, saved.elements());
      cuda->pack_channels(setting.y.data(), shape.out_positions(), shape.out_c, channels.list(),
                          packed.data());
      CHECK(bit_identical(saved.values(), packed.values()));
    }
  }
}

TEST_CASE("conv epilogue: a finished output is read, and not written", "[epilogue]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  const ConvShape shape = identity_shape({13, 5});
  const ConvInputs in = identity_inputs(shape, false);
  const Setting setting(*cuda, shape, in);
  const DeviceArray<int32_t> slots(*cuda, {-1, 0, -1, -1, 1});
  const Buffer saved(*cuda, 2 * shape.out_positions());
  setting.run({.sums = static_cast<const float*>(setting.sums.data()),
               .y = static_cast<float*>(setting.sums.data()),
               .mask = setting.mask.data(),
               .save = {slots.data(), static_cast<float*>(saved.data()), 2},
               .positions = shape.out_positions(),
               .columns = shape.out_c});
  CHECK(bit_identical(setting.sums.values(), in.x));
  CHECK(setting.mask.values() == std::vector<uint8_t>{255, 255, 255, 255, 255, 255, 255, 255, 1});
  for (int64_t p = 0; p < shape.out_positions(); ++p) {
    CHECK(saved.values()[static_cast<size_t>(2 * p)] == in.x[static_cast<size_t>(5 * p + 1)]);
    CHECK(saved.values()[static_cast<size_t>(2 * p + 1)] == in.x[static_cast<size_t>(5 * p + 4)]);
  }
}

TEST_CASE("conv epilogue: NaN passes through, and its gradient does not", "[epilogue]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ConvShape shape = identity_shape({1, 6});
  ConvInputs in = identity_inputs(shape, false);
  in.x = {-1, 0, nan, 3, 6, 7};
  in.bias.assign(6, 0.0);
  const Setting setting(*cuda, shape, in);
  setting.run(setting.epilogue(Activation::relu6));
  const auto y = setting.y.values();
  CHECK(y[0] == 0);
  CHECK(std::isnan(y[2]));
  CHECK(y[5] == 6);
  CHECK(setting.mask.values() == std::vector<uint8_t>{0b001000});
}

}  // namespace
}  // namespace trady::testing
