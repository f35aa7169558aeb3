// Sizing of steps: the bound holds for every draw, smaller limits cost workers, an impossible one
// is refused with the least that works. In this binary, since red zones would be counted too.
#include <algorithm>
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "engine/memory/arena.h"
#include "tests/engine/tiny_networks.h"
#include "tests/models/whole_networks.h"

namespace trady {
namespace {

constexpr int64_t kUnlimited = int64_t{1} << 40;

StepRequest request_with(int threads, int64_t limit) {
  StepRequest request;
  request.batch = 8;
  request.threads = threads;
  if (limit < kUnlimited) request.memory_limit = limit;
  return request;
}

/// The number that follows `words` in a message.
double number_after(const std::string& message, const std::string& words) {
  const size_t found = message.find(words);
  REQUIRE(found != std::string::npos);
  return std::stod(message.substr(found + words.size()));
}

/// The number of bytes that an error says is needed.
int64_t least_of(const std::string& message) {
  return static_cast<int64_t>(number_after(message, "need "));
}

int64_t least_limit(const Network& network, const kernels::Backend& device,
                    const Parameters& parameters, const StepDemand& demand) {
  try {
    size_step(network.tape, device, parameters, demand, request_with(2, 1000));
  } catch (const Error& error) {
    return least_of(error.what());
  }
  FAIL("a limit of 1000 bytes was accepted");
  return 0;
}

struct Bound {
  int64_t worst = 0;  ///< reserved bytes of the dearest draw
  int draws = 0;
};

/// What draws really reserve with these settings.
Bound reserved_by_draws(const testing::NamedNetwork& named, const Network& network,
                        const kernels::Backend& device, const Parameters& parameters,
                        const StrategyInfo& info, const StepSizing& sizing, int draws) {
  KernelCache cache(device);
  Bound bound;
  for (int draw = 0; draw < draws; ++draw) {
    const auto method = testing::strategy(named, network, info, static_cast<uint64_t>(draw));
    const StepProgram program(network.tape, method->plan(draw % 20), device, cache,
                              sizing.settings);
    const MemoryReport report = planned_memory(program, parameters, 0, sizing.workers);
    bound.worst = std::max(bound.worst, report.reserved);
    ++bound.draws;
  }
  return bound;
}

/// At 128 px the peak lies in forward, at 32 px in backward.
void check_bounds(const kernels::Backend& device, int64_t image_size) {
  const int draws = arena_checks_enabled() ? 20 : 100;  // slow where checks are on
  for (const auto& named : testing::whole_networks()) {
    const Network network = testing::build(named, image_size);
    const Parameters parameters(network.tape.parameters(), device.dtype());
    for (const StrategyInfo& info : strategy_infos()) {
      if (!info.budgeted) continue;
      const auto method = testing::strategy(named, network, info);
      const StepDemand demand = testing::demand_of(*method);
      const int64_t least = least_limit(network, device, parameters, demand);
      for (const int64_t limit : {least, least + (1 << 20), 2 * least, kUnlimited}) {
        const StepSizing sizing =
            size_step(network.tape, device, parameters, demand, request_with(2, limit));
        const Bound bound =
            reserved_by_draws(named, network, device, parameters, info, sizing, draws);
        INFO(device.name() << " " << named.name << " " << info.name << " limit " << limit << ": "
                           << sizing.why);
        CHECK(sizing.bytes <= limit);
        CHECK(bound.worst <= sizing.bytes);
        // A bound that is far off would refuse limits that work. (Red zones add to it a layer.)
        if (!arena_checks_enabled()) {
          CHECK(static_cast<double>(sizing.bytes) <= 1.75 * static_cast<double>(bound.worst));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("No draw reserves more than the sizing says: null device") {
  for (int64_t size : {32, 128}) {
    check_bounds(*kernels::make_null_backend(kernels::DType::float32), size);
  }
}

TEST_CASE("No draw reserves more than the sizing says: cpu") {
  for (int64_t size : {32, 128}) check_bounds(*kernels::make_cpu_backend(), size);
}

TEST_CASE("Methods without draws are sized to the byte") {
  const auto device = kernels::make_cpu_backend();
  for (const auto& named : testing::whole_networks()) {
    const Network network = testing::build(named, 96);
    const Parameters parameters(network.tape.parameters(), device->dtype());
    for (const StrategyInfo& info : strategy_infos()) {
      if (info.budgeted) continue;
      const auto method = testing::strategy(named, network, info);
      const StepSizing sizing = size_step(network.tape, *device, parameters,
                                          testing::demand_of(*method), request_with(2, kUnlimited));
      const Bound bound = reserved_by_draws(named, network, *device, parameters, info, sizing, 1);
      CHECK(sizing.bytes == bound.worst);
    }
  }
}

TEST_CASE(
    "Smaller limits leave fewer workers and copies, and the micro-batch is the same for any thread "
    "count") {
  const auto device = kernels::make_cpu_backend();
  const auto named = testing::whole_networks().front();
  const Network network = testing::build(named, 128);
  const Parameters parameters(network.tape.parameters(), device->dtype());
  const auto method = testing::strategy(named, network, strategy_infos().back());
  const StepDemand demand = testing::demand_of(*method);
  const auto size = [&](int threads, int64_t limit) {
    return size_step(network.tape, *device, parameters, demand, request_with(threads, limit));
  };
  const int64_t least = least_limit(network, *device, parameters, demand);
  const StepSizing unlimited = size(4, kUnlimited);
  CHECK(unlimited.workers == 4);
  CHECK(unlimited.settings.residency == WeightResidency{true, true});

  const StepSizing tightest = size(4, least);
  CHECK(tightest.workers == 1);
  CHECK(tightest.settings.micro_batch == 1);
  CHECK(tightest.settings.residency == WeightResidency{false, false});
  CHECK(tightest.bytes == least);
  CHECK_THROWS_AS(size(4, least - 1), Error);

  int workers = 1;
  int64_t micro_batch = 1;
  for (int64_t limit = least; limit <= unlimited.bytes + (1 << 20); limit += 100'000) {
    const StepSizing sizing = size(4, limit);
    INFO("limit " << limit << ": " << sizing.why);
    CHECK(sizing.bytes <= limit);
    CHECK(sizing.settings.micro_batch >= micro_batch);
    if (sizing.settings.micro_batch == micro_batch) CHECK(sizing.workers >= workers);
    workers = sizing.workers;
    micro_batch = sizing.settings.micro_batch;
    // Every machine cuts the batch alike, however many cores it has.
    for (int threads : {1, 2, 8}) CHECK(size(threads, limit).settings.micro_batch == micro_batch);
  }
  CHECK(workers == 4);
}

TEST_CASE("The least limit that an error names works, in the units of the command line too") {
  const auto device = kernels::make_cpu_backend();
  const auto named = testing::whole_networks().front();
  const Network network = testing::build(named, 64);
  const Parameters parameters(network.tape.parameters(), device->dtype());
  StepDemand demand;
  demand.plan = UpdatePlan::head_only(network.tape.convs().size());
  StepRequest request = request_with(2, 5000);
  request.micro_batch = 4;
  try {
    size_step(network.tape, *device, parameters, demand, request);
    FAIL("5000 bytes were accepted");
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK_THAT(message, Catch::Contains("--memory-limit") && Catch::Contains("--micro-batch"));
    const double mebibytes = number_after(message, "use --memory-limit ");
    request.memory_limit = static_cast<int64_t>(mebibytes * (1 << 20));
    CHECK(*request.memory_limit >= least_of(message));
    const StepSizing sizing = size_step(network.tape, *device, parameters, demand, request);
    CHECK(sizing.settings.micro_batch == 4);
    CHECK(sizing.bytes <= *request.memory_limit);
  }
}

TEST_CASE("Requests that make no sense are refused") {
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  const Network network = testing::build(testing::whole_networks().front(), 32);
  const Parameters parameters(network.tape.parameters(), device->dtype());
  StepDemand demand;
  demand.plan = UpdatePlan::head_only(network.tape.convs().size());
  const auto size = [&](int64_t batch, int64_t micro_batch) {
    StepRequest request;
    request.batch = batch;
    request.micro_batch = micro_batch;
    return size_step(network.tape, *device, parameters, demand, request);
  };
  CHECK(size(6, 3).settings.micro_batch == 3);
  CHECK_THROWS_WITH(size(8, 3), Catch::Contains("must divide") && Catch::Contains("3 and 8"));
  CHECK_THROWS_WITH(size(8, 0), Catch::Contains("--micro-batch"));
  CHECK_THROWS_WITH(size(8, 16), Catch::Contains("--micro-batch"));
  CHECK_THROWS_WITH(size(0, 1), Catch::Contains("--batch must be at least 1"));
}

TEST_CASE("The default micro-batch grows as images shrink and divides the batch") {
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  int64_t smaller_image = 32;
  for (const int64_t image_size : {32, 64, 128, 224}) {
    const Network network = testing::build(testing::whole_networks().front(), image_size);
    const int64_t m = default_micro_batch(network.tape, *device, 32);
    CHECK(32 % m == 0);
    CHECK(m <= smaller_image);
    smaller_image = m;
    CHECK(default_micro_batch(network.tape, *device, 1) == 1);
  }
  CHECK(smaller_image == 1);
}

}  // namespace trady
