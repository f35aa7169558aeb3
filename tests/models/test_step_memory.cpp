// Memory of the three networks: plans of every method and of many draws, planned = measured.
#include <catch2/catch.hpp>

#include "tests/engine/plan_checks.h"
#include "tests/engine/tiny_networks.h"
#include "tests/models/whole_networks.h"

namespace trady {
namespace {

void check_draws(int draws) {
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  for (const auto& named : testing::whole_networks()) {
    const Network network = testing::build(named, 128);
    Parameters parameters(network.tape.parameters(), *device);
    StepRunner runner(network.tape, *device, parameters, {}, {2, 2, true, {}}, 1);
    const testing::RandomBatch batch(network.tape, 2, 1);
    for (const StrategyInfo& info : strategy_infos()) {
      if (!info.changes_every_epoch || info.looks_at == Look::gradients) continue;
      const auto method = testing::strategy(named, network, info);
      for (int epoch = 0; epoch < draws; ++epoch) {
        INFO(named.name << " " << info.name << " epoch " << epoch);
        runner.select(method->plan(epoch));
        testing::check_plan(runner.program().lane_plan());
        testing::check_plan(runner.program().shared_plan());
        runner.train(batch.view(), 0.1);
        CHECK(runner.measured() == runner.planned());
      }
    }
  }
}

}  // namespace

TEST_CASE("Every method of every network: planned bytes are the measured ones") {
  std::vector<std::unique_ptr<kernels::Backend>> devices;
  devices.push_back(kernels::make_cpu_backend());
  devices.push_back(kernels::make_null_backend(kernels::DType::float32));
  devices.push_back(kernels::make_null_backend(kernels::DType::float64));
  for (const auto& device : devices) {
    for (const auto& named : testing::whole_networks()) {
      const Network network = testing::build(named, 96);
      Parameters parameters(network.tape.parameters(), *device);
      testing::fill_random(parameters, 1);
      const testing::RandomBatch batch(network.tape, 4, 1);
      for (const WeightResidency residency : {WeightResidency{true, true}, {false, false}}) {
        StepRunner runner(network.tape, *device, parameters, {}, {4, 2, true, residency}, 2);
        for (const StrategyInfo& info : strategy_infos()) {
          const auto method = testing::strategy(named, network, info);
          for (int epoch = 0; epoch < (info.changes_every_epoch ? 3 : 1); ++epoch) {
            INFO(device->name() << " " << named.name << " " << info.name << " epoch " << epoch);
            runner.select(method->plan(epoch));
            testing::check_plan(runner.program().lane_plan());
            testing::check_plan(runner.program().shared_plan());
            runner.train(batch.view(), 1e-6);
            const MemoryReport measured = runner.measured(), planned = runner.planned();
            CHECK(measured.shared == planned.shared);        // live, by category
            CHECK(measured.lane_peak == planned.lane_peak);  // peak, by category
            CHECK(measured == planned);
          }
        }
        for (uint32_t seed = 0; seed < 3; ++seed) {
          runner.select(testing::mixed_plan(network.tape, seed));
          testing::check_plan(runner.program().lane_plan());
          runner.train(batch.view(), 1e-6);
          CHECK(runner.measured() == runner.planned());
        }
      }
    }
  }
}

TEST_CASE("A thousand draws of each network: nothing overlaps, planned = measured") {
  check_draws(500);  // of each of the three methods whose draws differ
}

TEST_CASE("Ten thousand draws of each network: nothing overlaps, planned = measured", "[.slow]") {
  check_draws(5000);
}

}  // namespace trady
