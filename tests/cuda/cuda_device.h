// The CUDA device of a test: of this machine's GPU, or executed on the host, as the binary is
// linked.
#pragma once

#include <memory>

#include "kernels/cuda/cuda_backend.h"

namespace trady::testing {

/// Null, with a line that says so, where there is no GPU; TRADY_REQUIRE_GPU=1 in the environment
/// makes that an error.
std::unique_ptr<kernels::cuda::CudaBackend> cuda_device(const kernels::cuda::CudaOptions& options);
std::unique_ptr<kernels::cuda::CudaBackend> cuda_device(kernels::cuda::Precision precision);

}  // namespace trady::testing
