// Whole steps of a network with batch-norm in both modes, max pooling and the shortcut without
// parameters on the CUDA device: against the reference and the CPU, and recorded against eager.
#include <catch2/catch.hpp>

#include "tests/cuda/cuda_device.h"
#include "tests/cuda/step_runs.h"

namespace trady::testing {
namespace {

using kernels::cuda::Precision;

/// Fewer than of the network without: these take longer.
constexpr int kEpochs = 2;

/// Statistics of a batch are those of all of it.
int64_t micro_batch_of(BatchNormMode mode) {
  return mode == BatchNormMode::train ? kBatch : 2;
}

Run residual_run(const kernels::Backend& device, BatchNormMode mode, int64_t micro_batch,
                 const OptimizerSettings& optimizer = {}) {
  return Run(device, micro_batch, optimizer, false, residual_network(mode));
}

const char* describe(BatchNormMode mode) {
  return mode == BatchNormMode::train ? "train" : "frozen";
}

TEST_CASE("batch_norm: a step's gradients in both modes", "[step][batch_norm]") {
  const auto cuda = cuda_device(Precision::fp32);
  if (!cuda) return;
  const auto reference = float64_reference();
  for (const BatchNormMode mode : {BatchNormMode::frozen, BatchNormMode::train}) {
    Run exact = residual_run(*reference, mode, kBatch);
    Run run = residual_run(*cuda, mode, micro_batch_of(mode));
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const UpdatePlan plan = seed == 0 ? every_weight(exact.tape) : mixed_plan(exact.tape, seed);
      INFO(describe(mode) << ", plan " << seed);
      check_step(run, exact, plan);
    }
  }
}

TEST_CASE("batch_norm: epochs of training end where the CPU's and the reference's end",
          "[step][batch_norm]") {
  const auto cuda = cuda_device(Precision::fp32);
  if (!cuda) return;
  const auto cpu = kernels::make_cpu_backend();
  const auto reference = float64_reference();
  // Momentum wants whole layers; a frozen batch-norm refuses weight decay.
  const OptimizerSettings plain, momentum{0.9, 0, 1.0};
  for (const BatchNormMode mode : {BatchNormMode::frozen, BatchNormMode::train}) {
    for (const bool with_momentum : {false, true}) {
      INFO(describe(mode) << (with_momentum ? ", momentum" : ""));
      const OptimizerSettings& optimizer = with_momentum ? momentum : plain;
      const auto plan_of = [&](const Tape& tape, uint32_t epoch) {
        return with_momentum ? every_weight(tape) : mixed_plan(tape, epoch);
      };
      const int64_t micro_batch = micro_batch_of(mode);
      Run on_cuda = residual_run(*cuda, mode, micro_batch, optimizer);
      Run on_cpu = residual_run(*cpu, mode, micro_batch, optimizer);
      Run exact = residual_run(*reference, mode, micro_batch, optimizer);
      const std::vector<double> before = exact.weights();
      const EpochResult result = on_cuda.train(plan_of, kEpochs);
      const EpochResult expected = exact.train(plan_of, kEpochs);
      on_cpu.train(plan_of, kEpochs);
      CHECK(result.loss == Approx(expected.loss).epsilon(1e-4));
      CHECK(on_cuda.evaluated.correct == exact.evaluated.correct);
      // Running statistics are among the weights.
      const auto update = difference(exact.weights(), before);
      CHECK(nmse(difference(on_cuda.weights(), before), update) <= 1e-6);
      CHECK(nmse(difference(on_cuda.weights(), before), difference(on_cpu.weights(), before)) <=
            1e-6);
    }
  }
}

TEST_CASE("batch_norm: a replayed epoch equals the same epoch called primitive by primitive",
          "[step][batch_norm]") {
  const auto cuda = cuda_device(Precision::tf32);
  if (!cuda) return;
  for (const BatchNormMode mode : {BatchNormMode::frozen, BatchNormMode::train}) {
    INFO(describe(mode));
    Run recorded = residual_run(*cuda, mode, micro_batch_of(mode));
    Run eager = residual_run(*cuda, mode, micro_batch_of(mode));
    eager.runner.on_gradients([](const GradientView&) {});  // whoever listens is called each time
    CHECK(recorded.train(mixed_plan, kEpochs).loss == eager.train(mixed_plan, kEpochs).loss);
    CHECK(recorded.evaluated.loss_sum == eager.evaluated.loss_sum);
    CHECK(bit_identical(recorded.weights(), eager.weights()));
  }
}

}  // namespace
}  // namespace trady::testing
