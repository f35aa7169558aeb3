#include "engine/step/worker_team.h"
#include "tests/kernels/device_under_test.h"

namespace trady::testing {

std::vector<std::unique_ptr<kernels::Backend>> devices_under_test() {
  std::vector<std::unique_ptr<kernels::Backend>> devices;
  devices.push_back(kernels::make_reference_backend(kernels::DType::float32));
  devices.push_back(kernels::make_cpu_backend());
  devices.push_back(kernels::make_cpu_backend(std::make_shared<WorkerTeam>(3)));
  return devices;
}

}  // namespace trady::testing
