// The CUDA device of a build that nvcc was missing from.
#include <stdexcept>

#include "kernels/cuda/cuda_backend.h"

namespace trady::kernels::cuda {

std::unique_ptr<CudaBackend> make_cuda_backend(const CudaOptions&) {
  throw std::runtime_error(
      "[cuda] this trady was built without CUDA; install the CUDA toolkit (nvcc 13), configure "
      "again with -DTRADY_CUDA=ON and build, or run on the CPU (--device cpu)");
}

}  // namespace trady::kernels::cuda
