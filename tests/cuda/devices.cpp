#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "tests/cuda/cuda_device.h"
#include "tests/kernels/device_under_test.h"

namespace trady::testing {

std::unique_ptr<kernels::cuda::CudaBackend> cuda_device(const kernels::cuda::CudaOptions& options) {
  try {
    return kernels::cuda::make_cuda_backend(options);
  } catch (const std::runtime_error& error) {
    const char* required = std::getenv("TRADY_REQUIRE_GPU");
    if (required != nullptr && std::string(required) == "1") throw;
    std::cout << "SKIP: " << error.what() << "\n";
    return nullptr;
  }
}

std::unique_ptr<kernels::cuda::CudaBackend> cuda_device(kernels::cuda::Precision precision) {
  return cuda_device({.precision = precision});
}

/// In fp32: op tests hold devices to what float32 can do.
std::vector<std::unique_ptr<kernels::Backend>> devices_under_test() {
  std::vector<std::unique_ptr<kernels::Backend>> devices;
  if (auto cuda = cuda_device(kernels::cuda::Precision::fp32)) devices.push_back(std::move(cuda));
  return devices;
}

}  // namespace trady::testing
