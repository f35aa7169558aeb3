// Makes the linker take the CUDA device from trady_cuda_host, which comes first among the
// libraries: what needs it comes only after.
#include "kernels/cuda/cuda_backend.h"

namespace trady::bench {

using MakeDevice =
    std::unique_ptr<kernels::cuda::CudaBackend> (*)(const kernels::cuda::CudaOptions&);
extern const MakeDevice kMakeDevice;
const MakeDevice kMakeDevice = &kernels::cuda::make_cuda_backend;

}  // namespace trady::bench
