// What is said where a GPU cannot be used: what was asked for, what there is, what to do.
#include "kernels/cuda/gpu_choice.h"

#include <catch2/catch.hpp>
#include <stdexcept>

namespace trady::testing {
namespace {

using Catch::Matchers::Contains;
using kernels::cuda::check_gpu;
using kernels::cuda::GpuInventory;

GpuInventory two_gpus() {
  return {.driver_version = 13010,
          .runtime_version = 13000,
          .error = "",
          .gpus = {{"NVIDIA A100", 8, 0}, {"Tesla T4", 7, 5}}};
}

TEST_CASE("gpu choice: a GPU that there is code for", "[gpu_choice]") {
  CHECK_NOTHROW(check_gpu(two_gpus(), 0));
}

TEST_CASE("gpu choice: no driver, and one that is too old", "[gpu_choice]") {
  GpuInventory machine = two_gpus();
  machine.error = "cudaErrorInsufficientDriver";
  machine.gpus.clear();
  machine.driver_version = 0;
  CHECK_THROWS_WITH(check_gpu(machine, 0),
                    Contains("no NVIDIA driver") && Contains("13.0") && Contains("--device cpu"));
  machine.driver_version = 12040;
  CHECK_THROWS_WITH(check_gpu(machine, 0), Contains("CUDA up to 12.4") &&
                                               Contains("needs CUDA 13.0") &&
                                               Contains("update the driver"));
}

TEST_CASE("gpu choice: no GPU, and none of that number", "[gpu_choice]") {
  GpuInventory machine = two_gpus();
  CHECK_THROWS_WITH(check_gpu(machine, 2), Contains("GPU 2 was asked for") &&
                                               Contains("0: NVIDIA A100") &&
                                               Contains("1: Tesla T4"));
  CHECK_THROWS_AS(check_gpu(machine, -1), std::runtime_error);
  machine.gpus.clear();
  CHECK_THROWS_WITH(check_gpu(machine, 0), Contains("CUDA_VISIBLE_DEVICES"));
  machine.error = "cudaErrorNoDevice";
  CHECK_THROWS_WITH(check_gpu(machine, 0), Contains("cudaErrorNoDevice"));
}

TEST_CASE("gpu choice: an architecture without code", "[gpu_choice]") {
  CHECK_THROWS_WITH(check_gpu(two_gpus(), 1),
                    Contains("Tesla T4 (compute capability 7.5)") && Contains("8.0 or newer"));
}

}  // namespace
}  // namespace trady::testing
