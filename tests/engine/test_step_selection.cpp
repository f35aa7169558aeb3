// Selections that fail leave the one before in force; selections that are too large for the memory
// limit take fewer workers, or are refused.
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

using Catch::Matchers::Contains;

constexpr int64_t kBatch = 12;

struct Run {
  explicit Run(std::optional<int64_t> limit = {}, int workers = 3)
      : parameters(tape.parameters(), *device),
        runner(tape, *device, parameters, {}, {kBatch, 2, true, {}, limit}, workers),
        batch(tape, kBatch, 9) {
    testing::fill_random(parameters, 3);
  }
  double step() { return runner.train(batch.view(), 0.1).loss; }

  const Tape tape = testing::tiny_network();
  const std::unique_ptr<kernels::Backend> device = kernels::make_cpu_backend();
  Parameters parameters;
  StepRunner runner;
  testing::RandomBatch batch;
};

int64_t reserved_with(int workers) {
  Run run({}, workers);
  run.runner.select(testing::every_weight(run.tape));
  return run.runner.planned().reserved;
}

}  // namespace

TEST_CASE("A selection that fails leaves the one before in force", "[select]") {
  Run undisturbed, disturbed;
  const UpdatePlan plan = testing::mixed_plan(undisturbed.tape, 4);
  undisturbed.runner.select(plan);
  disturbed.runner.select(plan);
  UpdatePlan wrong = plan;
  wrong.convs[1] = LayerUpdate::inputs({99});
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_AS(disturbed.runner.select(wrong), Error);
    CHECK(disturbed.runner.planned() == undisturbed.runner.planned());
    CHECK(disturbed.step() == undisturbed.step());
    CHECK(disturbed.runner.measured() == disturbed.runner.planned());
  }
  CHECK(testing::values_of(disturbed.parameters) == testing::values_of(undisturbed.parameters));
}

TEST_CASE("Steps without a selection are refused", "[select]") {
  Run run;
  CHECK_THROWS_WITH(run.step(), Contains("nothing is selected"));
  CHECK_THROWS_AS(run.runner.select(UpdatePlan::head_only(1)), Error);
  CHECK_THROWS_WITH(run.runner.evaluate(run.batch.view()), Contains("nothing is selected"));
}

TEST_CASE("The memory limit takes workers away, and no bit of the results", "[select]") {
  const int64_t one = reserved_with(1), two = reserved_with(2), three = reserved_with(3);
  REQUIRE(one < two);
  Run free;
  free.runner.select(testing::every_weight(free.tape));
  CHECK(free.runner.planned().workers == 3);
  const double loss = free.step();
  const struct {
    int64_t limit;
    int workers;
  } cases[] = {{three, 3}, {three - 1, 2}, {two, 2}, {two - 1, 1}, {one, 1}};
  for (const auto& expected : cases) {
    Run run(expected.limit);
    // A smaller selection before, so that workers come and go.
    run.runner.select(UpdatePlan::head_only(run.tape.convs().size()));
    run.runner.evaluate(run.batch.view());
    run.runner.select(testing::every_weight(run.tape));
    INFO("limit " << expected.limit);
    CHECK(run.runner.planned().workers == expected.workers);
    CHECK(run.runner.planned().reserved <= expected.limit);
    CHECK(run.step() == loss);
    CHECK(run.runner.measured() == run.runner.planned());
    CHECK(testing::values_of(run.parameters) == testing::values_of(free.parameters));
  }
}

TEST_CASE("A selection beyond the memory limit is refused with the bytes", "[select]") {
  const int64_t one = reserved_with(1);
  Run run(one - 1);
  run.runner.select(UpdatePlan::head_only(run.tape.convs().size()));
  CHECK_THROWS_WITH(run.runner.select(testing::every_weight(run.tape)),
                    Contains(concat("needs ", one, " bytes")) &&
                        Contains(concat("the limit is ", one - 1)) && Contains("--memory-limit"));
  CHECK_NOTHROW(run.step());  // with the selection before
}

}  // namespace trady
