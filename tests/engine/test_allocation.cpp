// A step takes nothing from the heap, and the process grows by what the plan said.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "bench/memory/resident_bytes.h"
#include "models/registry.h"
#include "selection/strategy.h"
#include "tests/engine/heap_count.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

using bench::resident_bytes;

struct Growth {
  int64_t heap_live, heap_peak, resident;
};

Growth growth_of(StepRunner& runner, const testing::RandomBatch& batch, int steps) {
  testing::restart_heap_peak();
  const int64_t heap = testing::live_heap_bytes();
  const int64_t resident = resident_bytes();
  for (int step = 0; step < steps; ++step) runner.train(batch.view(), 1e-6);
  return {testing::live_heap_bytes() - heap, testing::peak_heap_bytes() - heap,
          resident_bytes() - resident};
}

Network whole_network() {
  NetworkOptions options;
  options.image_size = 64;
  options.classes = 12;
  return models::build("mbv2-w0.35", options);
}

std::unique_ptr<Strategy> trady_of(const Network& network) {
  StrategyOptions options;
  options.network = network.name;
  options.convs = network.tape.convs();
  options.budget_elements = 27946;
  return make_strategy("trady", options);
}

/// TraDy on a whole network, with random weights and images; two workers on a batch of 8.
struct TradyRun {
  Network network = whole_network();
  std::unique_ptr<kernels::Backend> device = kernels::make_cpu_backend();
  Parameters parameters{network.tape.parameters(), *device};
  testing::RandomBatch batch{network.tape, 8, 1};
  std::unique_ptr<Strategy> method = trady_of(network);

  TradyRun() { testing::fill_random(parameters, 1); }
  StepRunner runner() {
    return StepRunner(network.tape, *device, parameters, {}, {8, 2, true, {}}, 2);
  }
};

}  // namespace

TEST_CASE("Steps allocate nothing outside of the arena") {
  if (!testing::heap_is_counted()) return;
  TradyRun run;
  StepRunner runner = run.runner();
  runner.select(run.method->plan(0));
  runner.train(run.batch.view(), 1e-6);  // oneDNN and the threads settle
  const Growth first = growth_of(runner, run.batch, 50);
  CHECK(first.heap_live < 64 << 10);
  CHECK(first.heap_peak < 64 << 10);
  CHECK(first.resident < 2 << 20);

  // A selection's own pages: whatever the steps touch for the first time was planned.
  for (int epoch = 1; epoch < 4; ++epoch) {
    runner.select(run.method->plan(epoch));
    const Growth next = growth_of(runner, run.batch, 20);
    INFO("epoch " << epoch);
    CHECK(next.heap_live < 64 << 10);
    CHECK(next.heap_peak < 64 << 10);
    CHECK(next.resident < runner.planned().reserved + (2 << 20));
  }
}

TEST_CASE("Library code and kernels' descriptors stop growing") {
  if (!testing::heap_is_counted()) return;
  TradyRun run;
  const int64_t start = resident_bytes();
  StepRunner runner = run.runner();
  int64_t largest_plan = 0;
  const auto run_epochs = [&](int from, int to) {
    for (int epoch = from; epoch < to; ++epoch) {
      runner.select(run.method->plan(epoch));
      runner.train(run.batch.view(), 1e-6);
      largest_plan = std::max(largest_plan, runner.planned().reserved);
    }
    return resident_bytes();
  };
  const int64_t after_50 = run_epochs(0, 50);
  CHECK(after_50 - start < largest_plan + (12 << 20));
  CHECK(run_epochs(50, 400) - after_50 < 1 << 20);
}

TEST_CASE("Selections return what they took") {
  if (!testing::heap_is_counted()) return;
  const Tape tape = testing::tiny_network();
  const auto device = kernels::make_cpu_backend();
  Parameters parameters(tape.parameters(), *device);
  testing::fill_random(parameters, 1);
  const testing::RandomBatch batch(tape, 4, 1);
  StepRunner runner(tape, *device, parameters, {}, {4, 2, true, {}}, 2);
  const auto round = [&] {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      runner.select(testing::mixed_plan(tape, seed));
      runner.train(batch.view(), 1e-6);
    }
  };
  round();
  const int64_t before = testing::live_heap_bytes();
  for (int repeat = 0; repeat < 10; ++repeat) round();
  CHECK(testing::live_heap_bytes() - before < 64 << 10);
}

}  // namespace trady
