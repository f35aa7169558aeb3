#include "kernels/cuda/gpu_choice.h"

#include <stdexcept>

namespace trady::kernels::cuda {
namespace {

/// The oldest architecture that there is code for (CMakeLists.txt); newer ones than the
/// build knows run from PTX.
constexpr int kOldestMajor = 8;

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string describe(const Gpu& gpu) {
  return gpu.name + " (compute capability " + std::to_string(gpu.major) + "." +
         std::to_string(gpu.minor) + ")";
}

std::string list_of(const std::vector<Gpu>& gpus) {
  std::string text;
  for (size_t i = 0; i < gpus.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(i) + ": " + describe(gpus[i]);
  }
  return text;
}

}  // namespace

void check_gpu(const GpuInventory& inventory, int wanted) {
  const std::string asked = "[cuda] GPU " + std::to_string(wanted) + " was asked for, but ";
  const std::string or_cpu = ", or run on the CPU (--device cpu)";
  const std::string needed = version_text(inventory.runtime_version);
  if (inventory.driver_version == 0) {
    throw std::runtime_error(asked + "this machine has no NVIDIA driver; install one for CUDA " +
                             needed + " or newer" + or_cpu);
  }
  if (inventory.driver_version < inventory.runtime_version) {
    throw std::runtime_error(asked + "the NVIDIA driver serves CUDA up to " +
                             version_text(inventory.driver_version) +
                             " and this build needs CUDA " + needed +
                             "; update the driver, build with an older CUDA toolkit" + or_cpu);
  }
  if (!inventory.error.empty()) {
    throw std::runtime_error(asked + "CUDA lists no GPU (" + inventory.error +
                             "); check nvidia-smi and CUDA_VISIBLE_DEVICES" + or_cpu);
  }
  const auto count = static_cast<int>(inventory.gpus.size());
  if (count == 0) {
    throw std::runtime_error(asked + "CUDA sees none; check nvidia-smi and CUDA_VISIBLE_DEVICES" +
                             or_cpu);
  }
  if (wanted < 0 || wanted >= count) {
    throw std::runtime_error(asked + "there is " + list_of(inventory.gpus) +
                             "; choose one of them" + or_cpu);
  }
  const Gpu& gpu = inventory.gpus[static_cast<size_t>(wanted)];
  if (gpu.major < kOldestMajor) {
    throw std::runtime_error(
        asked + "it is a " + describe(gpu) + " and the kernels need compute capability " +
        std::to_string(kOldestMajor) + ".0 or newer; choose another GPU" + or_cpu);
  }
}

}  // namespace trady::kernels::cuda
