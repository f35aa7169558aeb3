// Whether the GPU that was asked for can be used; and if not, what to do about it.
#pragma once

#include <string>
#include <vector>

namespace trady::kernels::cuda {

struct Gpu {
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
};

/// What the CUDA runtime tells of a machine. Versions as CUDA writes them: 13020 is 13.2.
struct GpuInventory {
  int driver_version = 0;   ///< newest CUDA that the driver serves; 0: there is no driver
  int runtime_version = 0;  ///< CUDA that trady was built with
  std::string error;        ///< why the runtime lists no GPUs; empty if it does
  std::vector<Gpu> gpus;
};

/// Throws std::runtime_error unless GPU `wanted` exists and is of an architecture that the kernels
/// are written for.
void check_gpu(const GpuInventory& inventory, int wanted);

}  // namespace trady::kernels::cuda
