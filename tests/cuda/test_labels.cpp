// Layer and pass, in errors and for profilers. Those of kernels that fault need TRADY_SYNC=1 in the
// environment from the start: they are hidden, and a run of their own (CMakeLists.txt).
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "cuda_on_host/control.h"
#include "cuda_on_host/nvtx.h"
#include "kernels/trace.h"
#include "tests/cuda/cuda_device.h"
#include "tests/kernels/conv_cases.h"

namespace trady::testing {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using kernels::ScopedLabel;

/// A weight gradient whose dy is a quarter of what it reads.
struct FaultyGradWeight {
  const kernels::cuda::CudaBackend& cuda;
  kernels::ConvShape shape{2, 5, 7, 4, 8, 1, 1, 0, false};
  std::unique_ptr<kernels::ConvGradWeight> pass =
      cuda.conv_grad_weight(shape, kernels::SliceKind::input_channels, 4);
  ConvInputs in = random_conv_inputs(shape, false);
  Buffer x{cuda, in.x};
  Buffer dy{cuda, random_values(shape.out_elements() / 4, 1)};
  Buffer dw{cuda, shape.weight_elements()};
  DeviceBytes scratch{cuda, pass->scratch_bytes()};

  void run() const {
    pass->run({.x = x.data(),
               .dy = dy.data(),
               .channels = {},
               .dw = dw.data(),
               .scratch = scratch.data()});
  }
  void run_labelled() const {
    const ScopedLabel label("block3.expand", "grad_weight");
    run();
  }
};

/// Violations are told as a GPU tells them.
struct FaultsAsErrors {
  FaultsAsErrors() { cuda_on_host::set_faults_as_errors(true); }
  FaultsAsErrors(const FaultsAsErrors&) = delete;
  FaultsAsErrors& operator=(const FaultsAsErrors&) = delete;
  ~FaultsAsErrors() { cuda_on_host::set_faults_as_errors(false); }
};

TEST_CASE("TRADY_SYNC=1: a kernel that faults is named, with layer and pass", "[.sync]") {
  REQUIRE(std::string(std::getenv("TRADY_SYNC")) == "1");
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  const FaultyGradWeight faulty{*cuda};
  const FaultsAsErrors as_on_a_gpu;
  CHECK_THROWS_WITH(faulty.run_labelled(),
                    Equals("[cuda] block3.expand, grad_weight: kernel grad_weight: "
                           "cudaErrorIllegalAddress, an access to an address not "
                           "allocated"));
  // The host execution can be used again, and without a label there is none in the error.
  CHECK_THROWS_WITH(faulty.run(), Contains("[cuda] kernel grad_weight: cudaErrorIllegalAddress"));
}

TEST_CASE("labels: an error outside a kernel has them too", "[labels]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  const FaultyGradWeight faulty{*cuda};
  const FaultsAsErrors as_on_a_gpu;
  if (std::getenv("TRADY_SYNC") == nullptr) {
    faulty.run();  // the fault shows when somebody waits
    const ScopedLabel label("head", "forward");
    CHECK_THROWS_WITH(cuda->synchronize(),
                      Contains("[cuda] head, forward: ") && Contains("TRADY_SYNC=1 names it"));
  }
}

TEST_CASE("labels: profilers see a range for the layer and one within for the pass", "[labels]") {
  const auto cuda = cuda_device(kernels::cuda::Precision::fp32);
  CHECK(cuda_on_host::open_ranges().empty());
  {
    const ScopedLabel layer("block3.expand", "grad_weight");
    CHECK(cuda_on_host::open_ranges() == std::vector<std::string>{"block3.expand", "grad_weight"});
    const ScopedLabel part("sums");
    CHECK(cuda_on_host::open_ranges().size() == 3);
  }
  CHECK(cuda_on_host::open_ranges().empty());
}

}  // namespace
}  // namespace trady::testing
