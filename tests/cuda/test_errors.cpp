// Failures that the host execution can stage: no GPU, too little memory, a mistake in a call.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "cuda_on_host/control.h"
#include "tests/cuda/cuda_device.h"
#include "tests/engine/tiny_networks.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using Catch::Matchers::Contains;
using kernels::cuda::make_cuda_backend;

TEST_CASE("cuda: without a GPU, the error names the runtime's", "[errors]") {
  cuda_on_host::set_device_error(cudaErrorNoDevice);
  CHECK_THROWS_WITH(make_cuda_backend({}),
                    Contains("cudaErrorNoDevice") && Contains("--device cpu"));
  cuda_on_host::set_device_error(cudaSuccess);
  CHECK_THROWS_WITH(make_cuda_backend({.device = 3}), Contains("GPU 3") && Contains("0: "));
  CHECK_NOTHROW(make_cuda_backend({}));
}

TEST_CASE("cuda: out of memory says what was asked for and what is free", "[errors]") {
  const auto cuda = make_cuda_backend({});
  cuda_on_host::set_device_memory_limit(size_t{8} << 20);
  CHECK_THROWS_WITH(cuda->allocate(int64_t{100} << 20),
                    Contains("100 MiB") && Contains("8 MiB") && Contains("micro-batch"));
  // It is over with that: what fits is served, and nothing reports the old error again.
  void* memory = cuda->allocate(1 << 20);
  cuda->zero(memory, 1000);
  CHECK_NOTHROW(cuda->synchronize());
  cuda->release(memory);
  cuda_on_host::set_device_memory_limit(size_t{4} << 30);
}

TEST_CASE("cuda: a step that does not fit says what it is made of", "[errors]") {
  const auto cuda = make_cuda_backend({});
  const Tape tape = tiny_network();
  Parameters parameters(tape.parameters(), *cuda);
  StepSettings settings;
  settings.batch = settings.micro_batch = 256;
  StepRunner runner(tape, *cuda, parameters, {}, settings, 1);
  // Live and peak bytes, category by category, are those of the plan.
  KernelCache cache(*cuda);
  const StepProgram program(tape, every_weight(tape), *cuda, cache, settings);
  const std::string needed = planned_memory(program, parameters, 0, 1).description();
  cuda_on_host::set_device_memory_limit(size_t{2} << 20);
  CHECK_THROWS_WITH(runner.select(every_weight(tape)),
                    Contains("out of memory") && Contains("the step needs " + needed) &&
                        Contains("MiB were asked for at once") && Contains("are free") &&
                        Contains("micro-batch"));
  CHECK_THAT(needed, Contains(" bytes, at its peak ") && Contains(" of activations") &&
                         Contains(" of weights") && Contains(" of masks"));
  CHECK_THROWS_WITH(runner.evaluate({}), Contains("nothing is selected"));
  cuda_on_host::set_device_memory_limit(size_t{4} << 30);
  CHECK_NOTHROW(runner.select(every_weight(tape)));
}

TEST_CASE("cuda: steps allocate nothing and give everything back", "[errors]") {
  const size_t allocations = cuda_on_host::live_allocations();
  const size_t handles = cuda_on_host::live_handles();
  {
    const auto cuda = make_cuda_backend({});
    const Tape tape = tiny_network();
    Parameters parameters(tape.parameters(), *cuda);
    fill_random(parameters, 3);
    StepSettings settings;
    settings.batch = settings.micro_batch = 4;
    settings.batches_in_flight = 2;
    StepRunner runner(tape, *cuda, parameters, {}, settings, 1);
    const RandomBatch batch(tape, 4, 5);
    for (uint32_t seed = 1; seed < 4; ++seed) {
      runner.select(mixed_plan(tape, seed));
      const size_t in_use = cuda_on_host::live_allocations();
      cuda_on_host::set_device_memory_limit(0);
      for (int step = 0; step < 5; ++step) runner.train(batch.view(), 0.01);
      CHECK(cuda_on_host::live_allocations() == in_use);
      cuda_on_host::set_device_memory_limit(size_t{4} << 30);
    }
  }
  CHECK(cuda_on_host::live_allocations() == allocations);
  CHECK(cuda_on_host::live_handles() == handles);
}

TEST_CASE("cuda: a backend gives back all that it holds", "[errors]") {
  const size_t allocations = cuda_on_host::live_allocations();
  const size_t handles = cuda_on_host::live_handles();
  {
    const auto cuda = make_cuda_backend({});
    CHECK(cuda_on_host::live_allocations() == allocations + 1);
    CHECK(cuda->workspace_bytes() > 0);
    CHECK(cuda->allocate(0) == nullptr);
    CHECK(cuda->name() == "cuda");
    CHECK_THAT(cuda->isa(), Contains("sm_"));
  }
  CHECK(cuda_on_host::live_allocations() == allocations);
  CHECK(cuda_on_host::live_handles() == handles);
}

TEST_CASE("cuda: no primitive allocates", "[errors]") {
  const auto cuda = make_cuda_backend({});
  const kernels::ConvShape shape{2, 7, 9, 24, 24, 3, 1, 1, true};
  const ConvInputs in = random_conv_inputs(shape, false);
  const Buffer x(*cuda, in.x), w(*cuda, in.w), bias(*cuda, in.bias), dy(*cuda, in.dy);
  const Buffer y(*cuda, shape.out_elements()), db(*cuda, shape.out_c);
  const DeviceArray<double> squares(*cuda, std::vector<double>{0.0});
  const auto pass = cuda->conv_forward(shape, kernels::Activation::relu6);
  const size_t before = cuda_on_host::live_allocations();
  cuda_on_host::set_device_memory_limit(0);
  pass->run({.x = x.data(), .w = w.data(), .bias = bias.data(), .y = y.data()});
  cuda->grad_bias(dy.data(), shape.out_positions(), shape.out_c, db.data());
  cuda->add_squares(y.data(), y.elements(), squares.data());
  CHECK(squares.values()[0] > 0);
  CHECK(cuda_on_host::live_allocations() == before);
  cuda_on_host::set_device_memory_limit(size_t{4} << 30);
}

TEST_CASE("cuda: tensors that 32 bits cannot index are refused", "[errors]") {
  const auto cuda = make_cuda_backend({});
  const kernels::ConvShape huge{1 << 16, 64, 64, 16, 16, 3, 1, 1, true};
  CHECK_THROWS_AS(cuda->conv_forward(huge, kernels::Activation::none), std::invalid_argument);
  CHECK_THROWS_AS(cuda->conv_grad_input(huge), std::invalid_argument);
  CHECK_THROWS_AS(cuda->conv_grad_weight(huge, kernels::SliceKind::input_channels, 1),
                  std::invalid_argument);
}

}  // namespace
}  // namespace trady::testing
