// Same inputs, same bytes: whatever order threads and blocks happen to run in.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/cuda/split_convs.h"
#include "tests/cuda/thread_order.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::SliceKind;
using kernels::cuda::CudaBackend;
using kernels::cuda::Precision;

/// compute() gives the same vectors of values again, in another order.
template <typename Compute>
void check_same_bytes(const Compute& compute) {
  const auto first = compute();
  const OtherThreadOrder other;
  const auto again = compute();
  REQUIRE(again.size() == first.size());
  for (size_t i = 0; i < first.size(); ++i) CHECK(bit_identical(again[i], first[i]));
}

std::vector<double> as_values(const std::vector<uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

TEST_CASE("determinism: the three passes of every convolution", "[determinism]") {
  for (const Precision precision : {Precision::fp32, Precision::tf32}) {
    const auto cuda = cuda_device(precision);
    if (!cuda) return;
    // Other arithmetic within a warp, the same sums: a few shapes suffice for TF32.
    const auto cases = precision == Precision::fp32 ? odd_and_split_convs() : split_convs();
    for (const ConvCase& test : cases) {
      const ConvShape& s = test.shape;
      INFO(test.name << (precision == Precision::fp32 ? ", fp32" : ", tf32"));
      const ConvInputs in = random_conv_inputs(s, true);
      check_same_bytes([&] {
        const auto out = run_conv_forward(*cuda, s, Activation::relu6, in, true);
        return std::vector{out.y, as_values(out.mask)};
      });
      check_same_bytes([&] {
        return std::vector{run_conv_grad_input(*cuda, s, in.w, in.dy),
                           run_conv_grad_input(*cuda, s, in.w, in.dy, in.x)};
      });
      for (const SliceKind kind : {SliceKind::input_channels, SliceKind::output_channels}) {
        check_same_bytes([&] {
          std::vector<std::vector<double>> gradients;
          for (const auto& list : channel_lists(channels_of_kind(s, kind))) {
            gradients.push_back(run_conv_grad_weight(*cuda, s, kind, list, in.x, in.dy));
          }
          return gradients;
        });
      }
    }
  }
}

TEST_CASE("determinism: reductions", "[determinism]") {
  const auto cuda = cuda_device(Precision::fp32);
  if (!cuda) return;
  const CudaBackend& device = *cuda;
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{70000, 1}, {3000, 70}, {7, 3}}) {
    INFO(rows << " x " << columns);
    const Buffer values(device, random_values(rows * columns, 1));
    check_same_bytes([&] {
      const Buffer sums(device, columns), means(device, columns);
      device.grad_bias(values.data(), rows, columns, sums.data());
      device.mean_pool_forward(values.data(), 1, rows, columns, means.data());
      const ConvShape shape{1, 1, 1, columns, rows, 1, 1, 0, false};
      const DeviceArray<double> norms(device, columns), squares(device, std::vector<double>{1.5});
      device.slice_norms(shape, SliceKind::input_channels, columns, values.data(), norms.data());
      device.add_squares(values.data(), rows * columns, squares.data());
      return std::vector{sums.values(), means.values(), norms.values(), squares.values()};
    });
    const Buffer dy(device, random_values(rows * columns, 2));
    check_same_bytes([&] {
      const Buffer mean(device, columns), variance(device, columns);
      const Buffer dgamma(device, columns), dbeta(device, columns);
      device.batch_statistics(values.data(), rows, columns, mean.data(), variance.data());
      device.batch_norm_grad_parameters(
          {.z = values.data(), .mean = mean.data(), .variance = variance.data(), .epsilon = 1e-3},
          dy.data(), rows, columns, dgamma.data(), dbeta.data());
      return std::vector{mean.values(), variance.values(), dgamma.values(), dbeta.values()};
    });
  }
  const int64_t batch = 33, classes = 17;
  const Buffer logits(device, random_values(batch * classes, 2, -5, 5));
  const DeviceArray<int32_t> labels(device, std::vector<int32_t>(batch, 3));
  check_same_bytes([&] {
    const Buffer dlogits(device, batch * classes);
    const DeviceArray<double> losses(device, batch);
    const DeviceArray<int32_t> predicted(device, batch);
    device.cross_entropy(
        {logits.data(), labels.data(), dlogits.data(), losses.data(), predicted.data()}, batch,
        classes, 1.0 / batch);
    const DeviceArray<kernels::StepControl> control(device, std::vector<kernels::StepControl>(1));
    device.summarize({losses.data(), predicted.data(), labels.data(), batch}, control.data());
    return std::vector{dlogits.values(), losses.values(),
                       std::vector{control.values()[0].loss_sum}};
  });
}

}  // namespace
}  // namespace trady::testing
