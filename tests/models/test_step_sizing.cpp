// Sizing of steps: the bound holds for every draw, smaller limits cost workers, an impossible one
// is refused with the least that works. In this binary, since red zones would be counted too.
#include <algorithm>
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "engine/memory/arena.h"
#include "selection/draw_bounds.h"
#include "selection/fill.h"
#include "selection/step_demand.h"
#include "tests/engine/tiny_networks.h"
#include "tests/models/whole_networks.h"

namespace trady {
namespace {

constexpr int64_t kUnlimited = int64_t{1} << 40;
const int kManyDraws = arena_checks_enabled() ? 20 : 100;  // slow where checks are on

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
  int64_t worst = 0;  ///< reserved bytes of the largest draw
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
void check_bounds(const kernels::Backend& device, int64_t image_size,
                  const std::vector<testing::NamedNetwork>& networks, int draws) {
  for (const auto& named : networks) {
    const Network network = testing::build(named, image_size);
    const Parameters parameters(network.tape.parameters(), device);
    for (const StrategyInfo& info : strategy_infos()) {
      // Those that look at gradients choose within trady's bounds; their stand-ins are its draws.
      if (!info.budgeted || info.looks_at == Look::gradients) continue;
      const auto method = testing::strategy(named, network, info);
      const StepDemand demand = demand_of(*method);
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
        // A bound that is far off would refuse limits that work. (Red zones add to it a layer. And
        // a method that selects neurons may keep every input whole, though random ones keep half.)
        if (!arena_checks_enabled() && !info.weight_budget) {
          CHECK(static_cast<double>(sizing.bytes) <= 1.75 * static_cast<double>(bound.worst));
        }
      }
    }
  }
}

/// Pools of depthwise layers alone, where scratch is not monotone in the number of channels and all
/// that is saved is small: random pools and budgets, random draws of each.
void check_depthwise_pools(const kernels::Backend& device, int64_t image_size) {
  const int pools = arena_checks_enabled() ? 5 : 25;
  constexpr int kDraws = 8;
  for (const auto& named : testing::whole_networks()) {
    const Network network = testing::build(named, image_size);
    const Parameters parameters(network.tape.parameters(), device);
    const CostModel costs(network.tape.convs(), DepthwiseCost::kernel_area);
    std::vector<int> depthwise;
    for (const ConvLayer& conv : network.tape.convs()) {
      if (conv.shape.depthwise) depthwise.push_back(conv.index);
    }
    KernelCache cache(device);
    RandomStream random(7, RandomPurpose::selection, static_cast<uint32_t>(image_size));
    for (int i = 0; i < pools; ++i) {
      shuffle(std::span<int>(depthwise), random);
      std::vector<int> pool(depthwise.begin(), depthwise.begin() + 1 + random.below(4));
      std::ranges::sort(pool);
      // From a few channels to most of them.
      const int64_t unit = costs.unit(pool.back()).total();
      const int64_t budget = unit * (2 + random.below(60));
      const DrawBounds bounds = draw_bounds(costs, pool, budget);
      if (bounds.max_weight_elements == 0) continue;
      const StepSettings settings{8, 1 << random.below(3), true, {i % 2 == 0, i % 3 == 0}};
      const int64_t bound = step_bytes_bound(network.tape, device, cache, parameters,
                                             demand_within(costs, bounds), settings, 2, 0);
      const UnitPool units(costs, pool);
      for (int draw = 0; draw < kDraws; ++draw) {
        const StepProgram program(network.tape, units.draw(budget, random), device, cache,
                                  settings);
        INFO(device.name() << " " << named.name << " at " << image_size << " px, pool " << i);
        CHECK(planned_memory(program, parameters, 0, 2).reserved <= bound);
      }
    }
  }
}

}  // namespace

TEST_CASE("No draw from depthwise layers reserves more than the sizing says") {
  for (int64_t size : {32, 64, 128}) {
    check_depthwise_pools(*kernels::make_null_backend(kernels::DType::float32), size);
    check_depthwise_pools(*kernels::make_cpu_backend(), size);
  }
}

TEST_CASE("The scratch of weight gradients is bounded over all counts, monotone or not") {
  const auto device = kernels::make_cpu_backend();
  KernelCache cache(*device);
  const kernels::ConvShape depthwise{1, 32, 32, 96, 96, 5, 1, 2, true};
  const kernels::ConvShape dense{2, 16, 16, 40, 24, 3, 1, 1, false};
  for (const auto& shape : {depthwise, dense}) {
    int64_t most = 0;
    for (int64_t count = 1; count <= 40; ++count) {
      const auto pass = device->conv_grad_weight(shape, kernels::SliceKind::input_channels, count);
      most = std::max(most, pass->scratch_bytes());
      CHECK(cache.grad_weight_scratch_bytes(shape, kernels::SliceKind::input_channels, count) ==
            most);
    }
  }
  const auto longer = device->conv_grad_weight(depthwise, kernels::SliceKind::input_channels, 16);
  CHECK(longer->scratch_bytes() <
        cache.grad_weight_scratch_bytes(depthwise, kernels::SliceKind::input_channels, 16));
}

TEST_CASE("A memory limit is passed on to the steps") {
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  const Network network = testing::build(testing::whole_networks().front(), 32);
  const Parameters parameters(network.tape.parameters(), *device);
  StepDemand demand;
  demand.plan = UpdatePlan::head_only(network.tape.convs().size());
  const auto size = [&](int64_t limit) {
    return size_step(network.tape, *device, parameters, demand, request_with(2, limit));
  };
  CHECK(size(100 << 20).settings.memory_limit == 100 << 20);
  CHECK_FALSE(size(kUnlimited).settings.memory_limit);
}

TEST_CASE("No draw reserves more than the sizing says: null device") {
  for (int64_t size : {32, 128}) {
    check_bounds(*kernels::make_null_backend(kernels::DType::float32), size,
                 testing::whole_networks(), kManyDraws);
  }
}

TEST_CASE("No draw reserves more than the sizing says: batch-norms frozen and trained") {
  // The first convolution of a group and its shortcut keep channels of one tensor.
  const std::vector<testing::NamedNetwork> networks{
      {"resnet18", 100'000, BatchNormMode::frozen},
      {"resnet18", 1'000'000, BatchNormMode::frozen},
      {"resnet50", 400'000, BatchNormMode::frozen},
      {"resnet18", 400'000, BatchNormMode::train},
      {"mobilenet_v2", 50'000, BatchNormMode::train},
  };
  check_bounds(*kernels::make_null_backend(kernels::DType::float32), 64, networks, kManyDraws / 5);
}

TEST_CASE("No draw reserves more than the sizing says: cpu") {
  for (int64_t size : {32, 128}) {
    check_bounds(*kernels::make_cpu_backend(), size, testing::whole_networks(), kManyDraws);
  }
}

TEST_CASE("Methods without draws are sized to the byte") {
  const auto device = kernels::make_cpu_backend();
  for (const auto& named : testing::whole_networks()) {
    const Network network = testing::build(named, 96);
    const Parameters parameters(network.tape.parameters(), *device);
    for (const StrategyInfo& info : strategy_infos()) {
      if (info.budgeted) continue;
      const auto method = testing::strategy(named, network, info);
      const StepSizing sizing = size_step(network.tape, *device, parameters, demand_of(*method),
                                          request_with(2, kUnlimited));
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
  const Parameters parameters(network.tape.parameters(), *device);
  const auto method = testing::strategy(named, network, strategy_infos().back());
  const StepDemand demand = demand_of(*method);
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
  const Parameters parameters(network.tape.parameters(), *device);
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
  const Parameters parameters(network.tape.parameters(), *device);
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
