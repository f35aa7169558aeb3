// cuDNN, in a build without it: nobody chooses it.
#include "kernels/cuda/cudnn_passes.h"

namespace trady::kernels::cuda {

std::unique_ptr<VendorPasses> make_cudnn_passes(Precision, void*) {
  return nullptr;
}

}  // namespace trady::kernels::cuda
