// cuBLAS, in a build without it: nobody chooses it.
#include "kernels/cuda/cublas_passes.h"

namespace trady::kernels::cuda {

std::unique_ptr<VendorPasses> make_cublas_passes(Precision, void*) {
  return nullptr;
}

}  // namespace trady::kernels::cuda
