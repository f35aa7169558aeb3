// Ops that declare what cannot be, and networks with loose ends: refused by name.
#include <catch2/catch.hpp>

#include "engine/error.h"
#include "tests/engine/tiny_networks.h"

namespace trady {
namespace {

using Catch::Matchers::Contains;

struct Planning {
  Planning() : plan(testing::every_weight(tape)), planner(tape, plan, *device, kernels, {}) {}
  const Tape tape = testing::tiny_network();
  const std::unique_ptr<kernels::Backend> device =
      kernels::make_null_backend(kernels::DType::float32);
  KernelCache kernels{*device};
  UpdatePlan plan;
  StepPlanner planner;
};

TEST_CASE("Reading, keeping and passing on what is not there names the op") {
  Planning p;
  p.planner.enter_forward(1);
  CHECK_THROWS_WITH(p.planner.read(0), Contains("[step] first reads a tensor that no op before"));
  CHECK_THROWS_WITH(p.planner.keep({}), Contains("first keeps a buffer that it has not got"));
  p.planner.enter_backward(1);
  CHECK_THROWS_WITH(p.planner.gradient(1), Contains("first needs the gradient"));
  CHECK_THROWS_WITH(p.planner.share_gradient(1, 0), Contains("first passes on the gradient"));
}

TEST_CASE("Scratch of no bytes is no buffer") {
  Planning p;
  p.planner.enter_forward(0);
  CHECK_FALSE(p.planner.temporary("nothing", MemoryCategory::workspace, 0).valid());
  CHECK(p.planner.temporary("something", MemoryCategory::workspace, 1).valid());
}

TEST_CASE("An op whose output nobody reads is refused by name") {
  Tape tape;
  const TensorId x = tape.image(8, {});
  tape.conv2d(x, {.name = "loose", .out_channels = 2});
  tape.cross_entropy(tape.linear(tape.mean_pool(x), "classifier", 3));
  const auto device = kernels::make_null_backend(kernels::DType::float32);
  Parameters parameters(tape.parameters(), *device);
  StepRunner runner(tape, *device, parameters, {}, {}, 1);
  CHECK_THROWS_WITH(runner.select(testing::every_weight(tape)),
                    Contains("no op reads the output of loose"));
}

}  // namespace
}  // namespace trady
