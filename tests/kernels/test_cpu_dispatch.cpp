// The CPU backend's choices: instruction sets at run time, oneDNN or our own loops, and passes that
// several workers share.
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/onednn_passes.h"
#include "kernels/cpu/vector_kernels.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using kernels::Activation;
using kernels::ConvShape;
using kernels::cpu::Isa;

std::vector<Isa> isas_of_this_machine() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::sse2, Isa::avx2, Isa::avx512}) {
    if (isa <= kernels::cpu::available_isa()) isas.push_back(isa);
  }
  return isas;
}

std::vector<float> random_floats(int64_t count, uint32_t seed) {
  const std::vector<double> values = random_values(count, seed, -2, 8);
  return {values.begin(), values.end()};
}

TEST_CASE("cpu: TRADY_ISA lowers the level and never raises it", "[cpu]") {
  using kernels::cpu::choose_isa;
  CHECK(choose_isa(Isa::avx512, nullptr) == Isa::avx512);
  CHECK(choose_isa(Isa::avx2, "") == Isa::avx2);
  CHECK(choose_isa(Isa::avx512, "avx2") == Isa::avx2);
  CHECK(choose_isa(Isa::avx512, "sse2") == Isa::sse2);
  CHECK(choose_isa(Isa::sse2, "avx512") == Isa::sse2);
  CHECK_THROWS_AS(choose_isa(Isa::avx2, "AVX2"), std::invalid_argument);
  CHECK_THROWS_AS(choose_isa(Isa::avx2, "neon"), std::invalid_argument);
  CHECK(kernels::make_cpu_backend()->isa() == kernels::cpu::isa_name(kernels::cpu::active_isa()));
}

TEST_CASE("cpu: the kernel tests pass at every lower instruction set", "[cpu]") {
  if (std::getenv("TRADY_ISA") != nullptr) return;  // this is the inner run
  std::array<char, 4096> path{};
  REQUIRE(readlink("/proc/self/exe", path.data(), path.size() - 1) > 0);
  for (const Isa isa : isas_of_this_machine()) {
    if (isa == kernels::cpu::active_isa()) continue;
    const std::string command = std::string("TRADY_ISA=") + kernels::cpu::isa_name(isa) + " '" +
                                path.data() + "' '[conv],[elementwise],[slices]' > /dev/null";
    INFO(command);
    CHECK(std::system(command.c_str()) == 0);
  }
}

TEST_CASE("cpu: instruction sets agree on a matrix product, and on masks to the bit", "[cpu]") {
  const auto& baseline = kernels::cpu::vector_kernels(Isa::sse2);
  for (const Isa isa : isas_of_this_machine()) {
    INFO(kernels::cpu::isa_name(isa));
    const auto& tested = kernels::cpu::vector_kernels(isa);
    for (const int64_t m : {1, 2, 7, 13, 24}) {
      for (const int64_t n : {1, 3, 8, 15, 40, 56}) {
        const int64_t k = 19;
        const auto a = random_floats(m * k, 1), b = random_floats(k * n, 2),
                   bias = random_floats(n, 3);
        const auto addend = random_floats(m * n, 4);
        kernels::cpu::GemmArgs args;
        args.m = m;
        args.n = n;
        args.inner = k;
        args.a = a.data();
        args.a_m = k;
        args.a_inner = 1;
        args.b = b.data();
        args.b_inner = n;
        args.c_m = n;
        args.bias = bias.data();
        args.addend = addend.data();
        std::vector<float> expected(static_cast<size_t>(m * n)), actual(expected.size());
        args.c = expected.data();
        baseline.gemm(args);
        args.c = actual.data();
        tested.gemm(args);
        CHECK(nmse({actual.begin(), actual.end()}, {expected.begin(), expected.end()}) <= 1e-12);
      }
    }
    for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6}) {
      const auto y = random_floats(61, 5);
      std::vector<uint8_t> expected(8), actual(8);
      baseline.write_mask(y.data(), 61, activation, expected.data());
      tested.write_mask(y.data(), 61, activation, actual.data());
      CHECK(actual == expected);
      auto dy = random_floats(61, 6), expected_dy = dy;
      baseline.apply_mask(expected_dy.data(), expected.data(), 61);
      tested.apply_mask(dy.data(), expected.data(), 61);
      CHECK(dy == expected_dy);
    }
  }
}

/// Weights beyond kResidentWeightBytes (1 MiB), and a window with few channels: oneDNN's, where the
/// build has it.
const ConvShape kLargeWeights{1, 5, 4, 160, 176, 3, 1, 1, false};
const ConvShape kLargeStrided{2, 6, 7, 128, 96, 3, 2, 1, false};
const ConvShape kFewChannels{2, 9, 8, 5, 24, 3, 1, 1, false};

TEST_CASE("cpu: convolutions with large weights against the float64 reference", "[cpu]") {
  if (kernels::cpu::make_onednn_grad_input(kFewChannels) == nullptr) {
    std::cout << "SKIP: no oneDNN in this build; our own loops are tested in its place\n";
  }
  const auto reference = float64_reference();
  const auto cpu = kernels::make_cpu_backend();
  for (const ConvShape& shape : {kLargeWeights, kLargeStrided, kFewChannels}) {
    INFO(shape.in_c << " -> " << shape.out_c);
    for (const bool with_residual : {false, true}) {
      const ConvInputs in = random_conv_inputs(shape, with_residual);
      for (const Activation activation : {Activation::none, Activation::relu, Activation::relu6}) {
        const auto expected = run_conv_forward(*reference, shape, activation, in, true);
        const auto actual = run_conv_forward(*cpu, shape, activation, in, true);
        CHECK(nmse(actual.y, expected.y) <= kFloat32Nmse);
        if (with_residual) {
          const auto in_place =
              run_conv_forward(*cpu, shape, activation, in, true, ResidualPlace::in_y);
          CHECK(bit_identical(in_place.y, actual.y));
        }
      }
    }
    const ConvInputs in = random_conv_inputs(shape, false);
    const auto before = random_values(shape.in_elements(), 7);
    const auto expected = run_conv_grad_input(*reference, shape, in.w, in.dy);
    CHECK(nmse(run_conv_grad_input(*cpu, shape, in.w, in.dy), expected) <= kFloat32Nmse);
    auto sum = run_conv_grad_input(*cpu, shape, in.w, in.dy, before);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] -= before[i];
    CHECK(nmse(sum, expected) <= kFloat32Nmse);
  }
}

TEST_CASE("cpu: a NaN among large weights is not clipped away", "[cpu]") {
  const auto cpu = kernels::make_cpu_backend();
  ConvInputs in = random_conv_inputs(kLargeWeights, false);
  in.w[0] = std::numeric_limits<double>::quiet_NaN();
  for (const Activation activation : {Activation::relu, Activation::relu6}) {
    const auto out = run_conv_forward(*cpu, kLargeWeights, activation, in, false);
    bool any_nan = false;
    for (const double y : out.y) any_nan |= std::isnan(y);
    CHECK(any_nan);
  }
}

TEST_CASE("cpu: workers that share a pass get the same bits as one alone", "[cpu]") {
  const auto cpu = kernels::make_cpu_backend();
  const ConvShape pointwise{2, 5, 7, 24, 40, 1, 1, 0, false};
  const ConvShape depthwise{2, 7, 9, 24, 24, 3, 1, 1, true};
  for (const ConvShape& shape : {pointwise, depthwise, kLargeWeights}) {
    const ConvInputs in = random_conv_inputs(shape, false);
    const auto forward = cpu->conv_forward(shape, Activation::relu6);
    const auto grad_input = cpu->conv_grad_input(shape);
    const Buffer x(*cpu, in.x), w(*cpu, in.w), bias(*cpu, in.bias), dy(*cpu, in.dy);
    const DeviceBytes forward_w = prepared_weight(*cpu, *forward, w);
    const DeviceBytes backward_w = prepared_weight(*cpu, *grad_input, w);
    struct Result {
      std::vector<double> y, dx;
    };
    const auto work = [&] {
      const Buffer y(*cpu, shape.out_elements()), dx(*cpu, shape.in_elements());
      const DeviceBytes scratch(*cpu,
                                std::max(forward->scratch_bytes(), grad_input->scratch_bytes()));
      for (int repeat = 0; repeat < 3; ++repeat) {
        forward->run({x.data(), forward_w.size() > 0 ? forward_w.data() : w.data(), bias.data(),
                      nullptr, y.data(), nullptr, scratch.data()});
        grad_input->run({dy.data(), backward_w.size() > 0 ? backward_w.data() : w.data(), dx.data(),
                         scratch.data()},
                        kernels::GradientMode::overwrite);
      }
      return Result{y.values(), dx.values()};
    };
    const Result alone = work();
    std::vector<Result> results(4);
    std::vector<std::thread> threads;
    for (Result& result : results) threads.emplace_back([&] { result = work(); });
    for (std::thread& thread : threads) thread.join();
    for (const Result& result : results) {
      CHECK(bit_identical(result.y, alone.y));
      CHECK(bit_identical(result.dx, alone.dx));
    }
  }
}

}  // namespace
}  // namespace trady::testing
