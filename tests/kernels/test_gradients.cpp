// The float64 reference's gradients against central finite differences of its own forward.
// How to add an op: device_under_test.h.
#include <catch2/catch.hpp>
#include <functional>

#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::Backend;
using kernels::ConvShape;
using kernels::SliceKind;

using Loss = std::function<double(const std::vector<double>&)>;

/// Largest error of `gradient` at up to 24 elements spread over `at`, relative to the largest
/// gradient among all elements.
double worst_gradient_error(const Loss& loss, std::vector<double> at,
                            const std::vector<double>& gradient, double step) {
  REQUIRE(at.size() == gradient.size());
  double largest = 0, worst = 0;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  REQUIRE(largest > 0);
  const size_t stride = std::max<size_t>(1, at.size() / 24);
  for (size_t i = 0; i < at.size(); i += stride) {
    const double value = at[i];
    at[i] = value + step;
    const double above = loss(at);
    at[i] = value - step;
    const double below = loss(at);
    at[i] = value;
    worst = std::max(worst, std::abs((above - below) / (2 * step) - gradient[i]));
  }
  return worst / largest;
}

double weighted_sum(const std::vector<double>& y, const std::vector<double>& weights) {
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
  return sum;
}

struct ConvGradients {
  std::vector<double> dx, dw, dbias, dresidual;
};

/// The backward of one convolution as the engine chains it: mask, then the passes.
ConvGradients conv_backward(const Backend& device, const ConvShape& shape, const ConvInputs& in,
                            const std::vector<uint8_t>& mask, const std::vector<double>& dy) {
  const Buffer masked(device, dy), dbias(device, shape.out_c);
  const DeviceArray<uint8_t> bits(device, mask);
  if (!mask.empty()) device.apply_mask(masked.data(), bits.data(), shape.out_elements());
  device.grad_bias(masked.data(), shape.out_positions(), shape.out_c, dbias.data());
  return {run_conv_grad_input(device, shape, in.w, masked.values()),
          run_conv_grad_weight(device, shape, SliceKind::input_channels,
                               channel_lists(shape.in_c).back(), in.x, masked.values()),
          dbias.values(), masked.values()};
}

TEST_CASE("gradient check: every kind of convolution", "[gradient]") {
  const auto reference = float64_reference();
  constexpr double kStep = 1e-4;
  // A step moves a pre-activation by at most kStep times an input or weight, all below 4.
  constexpr double kCornerMargin = 1e-3;
  for (const ConvCase& test : odd_convs()) {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6}) {
      INFO(test.name << ", activation " << static_cast<int>(activation));
      const ConvShape& shape = test.shape;
      ConvInputs in = random_conv_inputs(shape, true);
      for (double& v : in.x) v *= 3.9;
      // Something has to be active even where there is a single output.
      if (shape.out_elements() == 1) in.bias[0] = 3 - in.x[0] * in.w[0] - in.residual[0];

      // L = sum of dy * y, with no weight on outputs near a corner, where L has no derivative.
      std::vector<double> dy = in.dy;
      const auto linear = run_conv_forward(*reference, shape, Activation::none, in, false).y;
      for (size_t i = 0; i < dy.size(); ++i) {
        const double v = linear[i];
        if (std::abs(v) < kCornerMargin || std::abs(v - 6) < kCornerMargin) dy[i] = 0;
      }
      const auto loss_with = [&](auto member) {
        return [&, member](const std::vector<double>& values) {
          ConvInputs changed = in;
          changed.*member = values;
          return weighted_sum(run_conv_forward(*reference, shape, activation, changed, false).y,
                              dy);
        };
      };

      const auto mask =
          run_conv_forward(*reference, shape, activation, in, activation != Activation::none).mask;
      const ConvGradients gradients = conv_backward(*reference, shape, in, mask, dy);
      CHECK(worst_gradient_error(loss_with(&ConvInputs::x), in.x, gradients.dx, kStep) < 1e-7);
      CHECK(worst_gradient_error(loss_with(&ConvInputs::w), in.w, gradients.dw, kStep) < 1e-7);
      CHECK(worst_gradient_error(loss_with(&ConvInputs::bias), in.bias, gradients.dbias, kStep) <
            1e-7);
      CHECK(worst_gradient_error(loss_with(&ConvInputs::residual), in.residual, gradients.dresidual,
                                 kStep) < 1e-7);
    }
  }
}

TEST_CASE("gradient check: mean pool", "[gradient]") {
  const auto reference = float64_reference();
  constexpr int64_t kBatch = 3, kPositions = 7, kChannels = 5;
  const auto x = random_values(kBatch * kPositions * kChannels, 1);
  const auto weights = random_values(kBatch * kChannels, 2);
  const auto loss = [&](const std::vector<double>& values) {
    const Buffer in(*reference, values), y(*reference, kBatch * kChannels);
    reference->mean_pool_forward(in.data(), kBatch, kPositions, kChannels, y.data());
    return weighted_sum(y.values(), weights);
  };
  const Buffer dy(*reference, weights), dx(*reference, kBatch * kPositions * kChannels);
  reference->mean_pool_backward(dy.data(), kBatch, kPositions, kChannels, dx.data());
  CHECK(worst_gradient_error(loss, x, dx.values(), 1e-4) < 1e-9);
}

TEST_CASE("gradient check: cross-entropy", "[gradient]") {
  const auto reference = float64_reference();
  constexpr int64_t kBatch = 3, kClasses = 11;
  constexpr double kScale = 0.25;
  const std::vector<int32_t> labels = {4, 0, 10};
  const auto logits = random_values(kBatch * kClasses, 1, -3, 3);
  const auto run = [&](const std::vector<double>& values, void* dlogits) {
    const Buffer z(*reference, values);
    const DeviceArray<int32_t> y(*reference, labels), predicted(*reference, kBatch);
    const DeviceArray<double> losses(*reference, kBatch);
    reference->cross_entropy({z.data(), y.data(), dlogits, losses.data(), predicted.data()}, kBatch,
                             kClasses, kScale);
    const auto loss = losses.values();
    return kScale * (loss[0] + loss[1] + loss[2]);
  };
  const Buffer dlogits(*reference, kBatch * kClasses);
  run(logits, dlogits.data());
  const auto loss = [&](const std::vector<double>& values) { return run(values, nullptr); };
  CHECK(worst_gradient_error(loss, logits, dlogits.values(), 1e-5) < 1e-8);
}

}  // namespace
}  // namespace trady::testing
