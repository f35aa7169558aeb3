// The memory of a ResNet-50 at 224 px under a budget of 1 %: planned without arithmetic, then
// counted while the CPU takes a step. In this binary, since red zones would be counted too.
#include <catch2/catch.hpp>

#include "engine/memory/arena.h"
#include "selection/budget.h"
#include "selection/step_demand.h"
#include "tests/engine/tiny_networks.h"
#include "tests/models/whole_networks.h"

namespace trady {
namespace {

/// One device's steps of the same selection.
struct PlannedSteps {
  PlannedSteps(const Network& network, const Strategy& method, const kernels::Backend& device)
      : parameters(network.tape.parameters(), device),
        sizing(size_step(network.tape, device, parameters, demand_of(method), request())),
        runner(network.tape, device, parameters, {}, sizing.settings, sizing.workers) {
    runner.select(method.plan(0));
  }

  static StepRequest request() {
    StepRequest request;
    request.batch = 32;
    request.threads = 2;
    return request;
  }

  Parameters parameters;
  StepSizing sizing;
  StepRunner runner;
};

}  // namespace

TEST_CASE(
    "ResNet-50 at 224 px, batch 32, 1 %: the null device plans what a step of the CPU holds") {
  if (arena_checks_enabled()) return;  // takes minutes there, and red zones count
  testing::NamedNetwork named{"resnet50", 0, BatchNormMode::frozen};
  const Network network = testing::build(named, 224);
  named.budget_elements = parse_budget("1%", CostModel(network.tape.convs()));
  const auto method = testing::strategy(named, network, strategy_info("trady"));

  const auto null = kernels::make_null_backend(kernels::DType::float32);
  const auto cpu = kernels::make_cpu_backend();
  PlannedSteps planned(network, *method, *null);
  PlannedSteps real(network, *method, *cpu);
  testing::fill_random(real.parameters, 1);
  testing::fill_batch_norms(network.tape, real.parameters);
  const testing::RandomBatch batch(network.tape, 32, 1);
  real.runner.train(batch.view(), 1e-6);

  const MemoryReport measured = real.runner.measured();
  CHECK(measured == real.runner.planned());
  CHECK(measured.reserved <= real.sizing.bytes);

  // What backward needs is the network's and the selection's matter, and the same to the byte.
  CHECK(real.sizing.settings.micro_batch == planned.sizing.settings.micro_batch);
  const SavedBytes saved = saved_for_backward(real.runner.program());
  const SavedBytes planned_saved = saved_for_backward(planned.runner.program());
  CHECK(saved.inputs == planned_saved.inputs);
  CHECK(saved.masks == planned_saved.masks);
  CHECK(saved.inputs >= 4 * method->costs().plan(method->plan(0)).activations);

  // So is all that lives as long as the selection, but for the CPU's own order of its weights.
  CategoryBytes shared = measured.shared;
  shared[MemoryCategory::prepared_weights] = 0;
  CHECK(shared == planned.runner.planned().shared);
}

}  // namespace trady
