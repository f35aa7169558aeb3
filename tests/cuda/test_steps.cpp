// Whole training steps on the CUDA device against the reference and the CPU: gradients, weights
// after epochs, memory; and recorded steps against the same steps called one primitive at a time.
#include <catch2/catch.hpp>
#include <limits>

#include "engine/error.h"
#include "engine/step/step_sizing.h"
#include "kernels/work_counters.h"
#include "tests/cuda/cuda_device.h"
#include "tests/cuda/step_runs.h"

namespace trady::testing {
namespace {

TEST_CASE("A step's gradients, under every kind of update and cut in any way", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const auto reference = float64_reference();
  Run exact(*reference);
  for (const int64_t micro_batch : {1, 2, 4}) {
    Run run(*cuda, micro_batch);
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const UpdatePlan plan = seed == 0 ? every_weight(exact.tape) : mixed_plan(exact.tape, seed);
      INFO("micro-batch " << micro_batch << ", plan " << seed);
      check_step(run, exact, plan);
    }
  }
}

TEST_CASE("Three epochs of training end where the CPU's and the reference's end", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const auto cpu = kernels::make_cpu_backend();
  const auto reference = float64_reference();
  const OptimizerSettings plain, momentum{0.9, 0.01, 1.0};
  for (const bool with_momentum : {false, true}) {
    const OptimizerSettings& optimizer = with_momentum ? momentum : plain;
    const auto plan_of = [&](const Tape& tape, uint32_t epoch) {
      return with_momentum ? every_weight(tape) : mixed_plan(tape, epoch);
    };
    INFO(with_momentum);
    Run on_cuda(*cuda, 2, optimizer), on_cpu(*cpu, 2, optimizer), exact(*reference, 2, optimizer);
    const std::vector<double> before = exact.weights();
    const EpochResult result = on_cuda.train(plan_of);
    const EpochResult expected = exact.train(plan_of);
    on_cpu.train(plan_of);
    CHECK(result.steps == expected.steps);
    CHECK(result.loss == Approx(expected.loss).epsilon(1e-4));
    CHECK(result.accuracy() == Approx(expected.accuracy()));
    CHECK(on_cuda.evaluated.correct == exact.evaluated.correct);
    CHECK(on_cuda.evaluated.count == exact.evaluated.count);
    const auto update = difference(exact.weights(), before);
    CHECK(nmse(difference(on_cuda.weights(), before), update) <= 1e-6);
    CHECK(nmse(difference(on_cuda.weights(), before), difference(on_cpu.weights(), before)) <=
          1e-6);
  }
}

TEST_CASE("A replayed epoch equals the same epoch called primitive by primitive", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::tf32);
  if (!cuda) return;
  Run recorded(*cuda, 2), eager(*cuda, 2);
  eager.runner.on_gradients([](const GradientView&) {});  // whoever listens is called each time
  auto& work = kernels::work_counters();
  work.reset();
  const EpochResult replayed = recorded.train(mixed_plan);
  const int64_t multiply_adds = work.grad_weight;
  work.reset();
  const EpochResult called = eager.train(mixed_plan);
  CHECK(replayed.loss == called.loss);
  CHECK(recorded.evaluated.loss_sum == eager.evaluated.loss_sum);
  CHECK(bit_identical(recorded.weights(), eager.weights()));
  CHECK(multiply_adds == work.grad_weight);
}

TEST_CASE("What an exception leaves under way is given up", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  Run disturbed(*cuda), fresh(*cuda);
  const RandomBatch other(disturbed.tape, kBatch, 6);
  for (Run* run : {&disturbed, &fresh}) run->runner.select(every_weight(run->tape));
  disturbed.runner.begin_evaluate(other.view());
  CHECK_THROWS_WITH(disturbed.runner.begin_train(other.view(), kRate), Catch::Contains("at once"));
  CHECK_THROWS_AS(disturbed.runner.end_train(), Error);
  disturbed.runner.begin_evaluate(other.view());
  CHECK_THROWS_WITH(disturbed.runner.begin_evaluate(other.view()),
                    Catch::Contains("under way already"));
  disturbed.runner.abandon();
  CHECK_THROWS_AS(disturbed.runner.end_evaluate(), Error);
  for (int step = 0; step < 4; ++step) {
    CHECK(disturbed.runner.train(disturbed.batch.view(), kRate).loss ==
          fresh.runner.train(fresh.batch.view(), kRate).loss);
  }
  CHECK(bit_identical(disturbed.weights(), fresh.weights()));
}

TEST_CASE("Images that the device transforms train as those that the host does, byte for byte",
          "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::tf32);
  if (!cuda) return;
  Run by_device(*cuda, 2, {}, /*decoded_images=*/true), by_host(*cuda, 2);
  REQUIRE(by_device.runner.takes_decoded_images());
  CHECK(by_device.train(mixed_plan).loss == by_host.train(mixed_plan).loss);
  CHECK(bit_identical(by_device.weights(), by_host.weights()));
}

TEST_CASE("A step that is not finite updates nothing, nor do those under way behind it", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  Run run(*cuda);
  run.runner.select(every_weight(run.tape));
  run.runner.train(run.batch.view(), kRate);
  const ParameterId bias = run.parameters.find("classifier.bias");
  const std::vector<double> good = run.parameters.get(bias);
  std::vector<double> bad = good;
  bad[1] = std::numeric_limits<double>::infinity();
  run.parameters.set(bias, bad);
  const auto before = run.weights();
  run.runner.begin_train(run.batch.view(), kRate);
  run.runner.begin_train(run.batch.view(), kRate);
  CHECK_FALSE(run.runner.end_train().finite);
  CHECK_THROWS_WITH(run.runner.begin_train(run.batch.view(), kRate), Catch::Contains("not finite"));
  CHECK(bit_identical(run.weights(), before));
  run.parameters.set(bias, good);
  CHECK(run.runner.train(run.batch.view(), kRate).finite);
  CHECK_FALSE(bit_identical(run.weights(), before));
}

TEST_CASE("The launchers count the multiply-adds that the program says", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::tf32);
  if (!cuda) return;
  Run run(*cuda, 2);
  auto& counted = kernels::work_counters();
  for (uint32_t seed = 0; seed < 4; ++seed) {
    run.runner.select(mixed_plan(run.tape, seed));
    for (int step = 0; step < 4; ++step) {  // called, called, and replayed in both blocks
      counted.reset();
      run.runner.train(run.batch.view(), kRate);
      const Work work = run.runner.program().work();  // of one of the two micro-batches
      INFO("plan " << seed << ", step " << step);
      CHECK(counted.forward == 2 * work.forward);
      CHECK(counted.grad_input == 2 * work.grad_input);
      CHECK(counted.grad_weight == 2 * work.grad_weight);
      CHECK((counted.grad_weight_bytes > 0) == (work.grad_weight > 0));
    }
  }
}

TEST_CASE("The memory limit takes batches under way, then images of a micro-batch", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const Tape tape = tiny_network();
  Parameters parameters(tape.parameters(), *cuda);
  fill_random(parameters, 3);
  const RandomBatch batch(tape, 8, 5);
  StepDemand demand;
  demand.plan = every_weight(tape);
  StepRequest request;
  request.batch = 8;
  const StepSizing free = size_step(tape, *cuda, parameters, demand, request);
  CHECK(free.settings.micro_batch == 8);
  CHECK(free.settings.batches_in_flight == 2);
  CHECK(free.workers == 1);
  double loss = 0;
  int64_t last_micro_batch = 8;
  for (int64_t limit = free.bytes; limit > 0; limit -= 2048) {
    request.memory_limit = limit;
    StepSizing sizing;
    try {
      sizing = size_step(tape, *cuda, parameters, demand, request);
    } catch (const Error& error) {
      CHECK_THAT(error.what(), Catch::Contains("--memory-limit"));
      CHECK(last_micro_batch == 1);
      break;
    }
    INFO("limit " << limit << ": " << sizing.why);
    CHECK(sizing.bytes <= limit);
    CHECK(sizing.settings.micro_batch <= last_micro_batch);
    last_micro_batch = sizing.settings.micro_batch;
    StepRunner runner(tape, *cuda, parameters, {}, sizing.settings, sizing.workers);
    runner.select(demand.plan);
    CHECK(runner.planned().reserved <= limit);
    const double now = runner.evaluate(batch.view()).loss_sum;
    if (loss != 0) CHECK(now == loss);
    loss = now;
  }
}

TEST_CASE("Batches of fewer images, and logits", "[step]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  if (!cuda) return;
  const auto reference = float64_reference();
  std::vector<std::vector<double>> logits;
  for (const kernels::Backend* device :
       std::initializer_list<const kernels::Backend*>{cuda.get(), reference.get()}) {
    Run run(*device);
    StepSettings settings = settings_of(2, false);
    settings.training = false;
    settings.logits = true;
    StepRunner runner(run.tape, *device, run.parameters, {}, settings, 1);
    runner.select(UpdatePlan::head_only(run.tape.convs().size()));
    BatchView batch = run.batch.view();
    std::vector<double> all;
    for (const int64_t count : {4, 3, 1, 4}) {
      batch.count = count;
      CHECK(runner.evaluate(batch).count == count);
      const auto some = runner.logits();
      CHECK(some.size() == static_cast<size_t>(count * run.tape.classes()));
      all.insert(all.end(), some.begin(), some.end());
    }
    logits.push_back(all);
  }
  CHECK(nmse(logits[0], logits[1]) <= kNetworkNmse);
}

}  // namespace
}  // namespace trady::testing
