// Weights after some steps do not depend on workers and kept weight copies, and what was not
// selected keeps every bit.
#include <catch2/catch.hpp>
#include <cstring>

#include "engine/error.h"
#include "engine/step/workers.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

constexpr int64_t kBatch = 12;

using Values = std::vector<std::vector<double>>;

struct Start {
  Start() : tape(testing::tiny_network()), batch(tape, kBatch, 9) {}
  Tape tape;
  testing::RandomBatch batch;
};

/// Three steps with a new selection for each, so that nothing stale survives one.
Values after_three_steps(const Start& start, const kernels::Backend& device, int workers,
                         WeightResidency residency) {
  Parameters parameters(start.tape.parameters(), device);
  testing::fill_random(parameters, 3);
  StepRunner runner(start.tape, device, parameters, {}, {kBatch, 2, true, residency}, workers);
  for (uint32_t step = 0; step < 3; ++step) {
    runner.select(testing::mixed_plan(start.tape, step));
    const TrainResult result = runner.train(start.batch.view(), 0.1);
    REQUIRE(result.finite);
    CHECK(runner.measured() == runner.planned());
  }
  Values values = testing::values_of(parameters);
  // An evaluation sees the copies of the weights as they are now.
  values.push_back({runner.evaluate(start.batch.view()).loss_sum});
  return values;
}

void check_independence(const kernels::Backend& device) {
  const Start start;
  const Values truth = after_three_steps(start, device, 1, {true, true});
  for (int workers : {1, 2, 3}) {
    for (bool forward : {true, false}) {
      for (bool grad_input : {true, false}) {
        INFO(device.name() << ", " << workers << " workers, copies " << forward << grad_input);
        CHECK(after_three_steps(start, device, workers, {forward, grad_input}) == truth);
      }
    }
  }
}

void check_unselected(const kernels::Backend& device) {
  const Start start;
  for (uint32_t seed = 0; seed < 10; ++seed) {
    Parameters parameters(start.tape.parameters(), device);
    testing::fill_random(parameters, seed);
    StepRunner runner(start.tape, device, parameters, {}, {kBatch, 3, true, {}}, 2);
    runner.select(testing::mixed_plan(start.tape, seed));

    // By parameter: which of its values, in memory order, may change.
    std::vector<std::vector<bool>> selected;
    std::vector<std::vector<float>> before;
    for (size_t i = 0; i < parameters.specs().size(); ++i) {
      const auto count = static_cast<size_t>(parameters.specs()[i].elements);
      const auto* values = static_cast<const float*>(parameters.data(static_cast<ParameterId>(i)));
      selected.emplace_back(count, false);
      before.emplace_back(values, values + count);
    }
    for (const GradientSlot& slot : runner.program().gradient_slots()) {
      for (size_t position : testing::positions_in_whole(slot)) {
        selected[static_cast<size_t>(slot.parameter)][position] = true;
      }
    }
    for (int step = 0; step < 3; ++step) runner.train(start.batch.view(), 0.1);

    int touched = 0, changed = 0, selected_count = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      const auto* after = static_cast<const float*>(parameters.data(static_cast<ParameterId>(i)));
      for (size_t k = 0; k < before[i].size(); ++k) {
        const bool differs = std::memcmp(&after[k], &before[i][k], sizeof(float)) != 0;
        selected_count += selected[i][k];
        changed += differs && selected[i][k];
        touched += differs && !selected[i][k];
      }
    }
    INFO(device.name() << ", seed " << seed);
    CHECK(touched == 0);
    CHECK(changed > selected_count / 2);
  }
}

}  // namespace

TEST_CASE("Results do not depend on workers or weight copies: reference", "[threads]") {
  check_independence(*kernels::make_reference_backend(kernels::DType::float64));
  check_independence(*kernels::make_reference_backend(kernels::DType::float32));
}

TEST_CASE("Results do not depend on workers or weight copies: cpu") {
  check_independence(*kernels::make_cpu_backend());
}

TEST_CASE("More workers than micro-batches", "[threads]") {
  const Start start;
  const auto device = kernels::make_reference_backend(kernels::DType::float32);
  CHECK(after_three_steps(start, *device, 9, {}) == after_three_steps(start, *device, 1, {}));
}

TEST_CASE("Unselected weights keep every bit: reference", "[threads]") {
  check_unselected(*kernels::make_reference_backend(kernels::DType::float32));
}

TEST_CASE("Unselected weights keep every bit: cpu") {
  check_unselected(*kernels::make_cpu_backend());
}

TEST_CASE("Workers run every task, and the first exception comes out", "[threads]") {
  Workers workers(3);
  CHECK(workers.count() == 3);
  for (int round = 0; round < 200; ++round) {
    std::array<std::atomic<int>, 3> calls{};
    workers.run([&](int worker) { ++calls[static_cast<size_t>(worker)]; });
    for (const auto& call : calls) CHECK(call == 1);
  }
  for (int bad : {0, 1, 2}) {
    const auto throwing = [&](int worker) {
      if (worker == bad) fail("worker ", worker);
    };
    CHECK_THROWS_WITH(workers.run(throwing), concat("worker ", bad));
    CHECK_NOTHROW(workers.run([](int) {}));  // and they go on afterwards
  }
}

TEST_CASE("Sums run in micro-batch order, and those who wait for a failed worker are released",
          "[threads]") {
  const auto device = kernels::make_reference_backend(kernels::DType::float32);
  MemoryPlan plan;
  GradientSlot slot;
  slot.elements = 2;
  slot.sum = plan.add("sum", MemoryCategory::weight_gradients, 8);
  plan.use(slot.sum, 0);
  plan.place();
  Arena arena(*device, plan.reserved_bytes());
  ArenaView view(plan, arena.data());
  view.begin(0);
  const std::vector<GradientSlot> slots{slot};
  GradientSums ordered(*device, slots, view);

  // 1 + 1e8 - 1e8 depends on the order of the additions.
  const std::array<std::array<float, 2>, 3> parts{{{1, 2}, {1e8F, 1}, {-1e8F, 3}}};
  Workers workers(3);
  for (int round = 0; round < 50; ++round) {
    ordered.reset();
    workers.run([&](int worker) {
      const int turn = (worker + round) % 3;
      ordered.add(0, turn, parts[static_cast<size_t>(turn)].data());
    });
    const auto* sum = static_cast<const float*>(view.data(slot.sum));
    CHECK(sum[0] == (1.0F + 1e8F) + -1e8F);
    CHECK(sum[1] == 6);
  }

  ordered.reset();
  std::atomic<int> released{0};
  workers.run([&](int worker) {
    if (worker == 0) {
      ordered.abort();
      return;
    }
    try {
      ordered.add(0, worker, parts[0].data());
    } catch (const Error&) {
      ++released;
    }
  });
  CHECK(released == 2);
}

}  // namespace trady
