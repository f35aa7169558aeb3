// The CPU with a team of threads. That it keeps the contract is tested by all tests of
// devices_under_test(); here, that the number of threads decides no bit.
#include <atomic>
#include <catch2/catch.hpp>

#include "engine/step/worker_team.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::Backend;
using kernels::ConvShape;

using Values = std::vector<std::vector<double>>;

std::unique_ptr<Backend> cpu_of(int threads) {
  return kernels::make_cpu_backend(std::make_shared<WorkerTeam>(threads));
}

Values convolved(const Backend& device, const ConvShape& shape) {
  const ConvInputs in = random_conv_inputs(shape, /*with_residual=*/true);
  const ConvOutput out = run_conv_forward(device, shape, Activation::relu6, in, /*want_mask=*/true);
  return {out.y, std::vector<double>(out.mask.begin(), out.mask.end()),
          run_conv_grad_input(device, shape, in.w, in.dy)};
}

Values batch_normed(const Backend& device, int64_t positions, int64_t channels) {
  const Buffer z(device, random_values(positions * channels, 1, -1, 3));
  const Buffer dy(device, random_values(positions * channels, 2));
  const Buffer gamma(device, random_values(channels, 3)), beta(device, random_values(channels, 4));
  const Buffer mean(device, channels), variance(device, channels), y(device, positions * channels);
  const Buffer dgamma(device, channels), dbeta(device, channels), dz(device, positions * channels);
  device.batch_statistics(z.data(), positions, channels, mean.data(), variance.data());
  const kernels::BatchNormBuffers layer{z.data(),     mean.data(), variance.data(),
                                        gamma.data(), beta.data(), 1e-5};
  device.batch_norm_forward(layer, positions, channels, Activation::relu, nullptr, y.data(),
                            nullptr);
  device.batch_norm_grad_parameters(layer, dy.data(), positions, channels, dgamma.data(),
                                    dbeta.data());
  device.batch_norm_grad_input(layer, dy.data(), dgamma.data(), dbeta.data(), positions, channels,
                               dz.data());
  Values all;
  for (const Buffer* buffer : {&mean, &variance, &y, &dgamma, &dbeta, &dz}) {
    all.push_back(buffer->values());
  }
  return all;
}

TEST_CASE("cpu team: the number of threads decides no bit", "[cpu]") {
  const auto one = cpu_of(1), two = cpu_of(2), five = cpu_of(5);
  for (const ConvCase& test : odd_convs()) {
    ConvShape shape = test.shape;
    shape.batch = 7;
    INFO(test.name);
    const Values expected = convolved(*one, shape);
    CHECK(convolved(*two, shape) == expected);
    CHECK(convolved(*five, shape) == expected);
  }
  for (const int64_t positions : {1, 7, 129, 1000}) {
    for (const int64_t channels : {1, 24, 257}) {
      INFO(positions << " positions, " << channels << " channels");
      const Values expected = batch_normed(*one, positions, channels);
      CHECK(batch_normed(*two, positions, channels) == expected);
      CHECK(batch_normed(*five, positions, channels) == expected);
    }
  }
}

TEST_CASE("cpu team: threads have scratch of their own, and the plan counts it", "[cpu]") {
  const ConvShape shape{4, 9, 9, 16, 16, 3, 1, 1, false};
  const auto alone =
      kernels::make_cpu_backend()->conv_grad_input({1, 9, 9, 16, 16, 3, 1, 1, false});
  const auto shared = cpu_of(3)->conv_grad_input(shape);
  CHECK(shared->scratch_bytes() >= 3 * alone->scratch_bytes());
  CHECK(shared->prepared_weight_bytes() == alone->prepared_weight_bytes());
}

TEST_CASE("a team of workers takes every piece once, whoever calls") {
  const WorkerTeam team(3);
  CHECK(team.threads() == 3);
  for (const int64_t pieces : {0, 1, 2, 64}) {
    std::vector<std::atomic<int>> taken(static_cast<size_t>(pieces));
    team.run(pieces, [&](int64_t piece, int thread) {
      ++taken[static_cast<size_t>(piece)];
      if (thread < 0 || thread >= 3) throw std::logic_error("no such thread");
    });
    for (const auto& times : taken) CHECK(times == 1);
  }
  // While the team is busy, another caller computes alone: here, from within.
  std::atomic<int> inner{0};
  team.run(2, [&](int64_t, int) {
    team.run(5, [&](int64_t, int thread) { inner += thread == 0 ? 1 : 100; });
  });
  CHECK(inner == 10);
  CHECK_THROWS_WITH(team.run(8,
                             [](int64_t piece, int) {
                               if (piece == 3) throw std::runtime_error("piece 3");
                             }),
                    "piece 3");
}

}  // namespace
}  // namespace trady::testing
