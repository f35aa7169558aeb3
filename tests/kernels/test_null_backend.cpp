// The device of plans: no arithmetic, no buffer touched (its counters: test_conv.cpp).
#include <catch2/catch.hpp>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

TEST_CASE("null backend: needs no bytes and touches no buffer", "[null]") {
  for (const auto dtype : {kernels::DType::float32, kernels::DType::float64}) {
    const auto null = kernels::make_null_backend(dtype);
    CHECK(null->name() == "null");
    CHECK(null->dtype() == dtype);
    for (const ConvCase& test : odd_convs()) {
      const auto forward = null->conv_forward(test.shape, kernels::Activation::relu6);
      const auto grad_input = null->conv_grad_input(test.shape);
      const auto grad_weight =
          null->conv_grad_weight(test.shape, kernels::SliceKind::input_channels, 1);
      CHECK(forward->scratch_bytes() + forward->prepared_weight_bytes() == 0);
      CHECK(grad_input->scratch_bytes() + grad_input->prepared_weight_bytes() == 0);
      CHECK(grad_weight->scratch_bytes() == 0);
      // Null pointers: touching one would end the process.
      forward->run({});
      grad_input->run({}, kernels::GradientMode::accumulate);
      grad_weight->run({});
      null->sgd(test.shape, {});
    }
    null->pack_channels(nullptr, 9, 9, {}, nullptr);
    null->apply_mask(nullptr, nullptr, 9);
    null->grad_bias(nullptr, 9, 9, nullptr);
    null->mean_pool_forward(nullptr, 9, 9, 9, nullptr);
    null->mean_pool_backward(nullptr, 9, 9, 9, nullptr);
    null->normalize(nullptr, 9, nullptr, nullptr, nullptr);
    null->add(nullptr, 9, nullptr);
    null->copy(nullptr, 9, nullptr);
    null->zero(nullptr, 9);
    null->add_squares(nullptr, 9, nullptr);
  }
}

TEST_CASE("null backend: what the host reads back is defined", "[null]") {
  const auto null = kernels::make_null_backend(kernels::DType::float32);
  std::vector<double> loss(3, -1), norms(4, -1);
  std::vector<int32_t> predicted(3, -2);
  null->cross_entropy({nullptr, nullptr, nullptr, loss.data(), predicted.data()}, 3, 10, 1);
  CHECK(loss == std::vector<double>(3, 0.0));
  CHECK(predicted == std::vector<int32_t>(3, 0));
  null->slice_norms(odd_convs()[0].shape, kernels::SliceKind::input_channels, 4, nullptr,
                    norms.data());
  CHECK(norms == std::vector<double>(4, 0.0));
}

}  // namespace
}  // namespace trady::testing
