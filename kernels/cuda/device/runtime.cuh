// The CUDA runtime: the real one under nvcc; otherwise the strict host execution that the tests
// bring (tests/cuda_on_host). Kernels include this header and never <cuda_runtime.h>.
#pragma once

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include "cuda_on_host/runtime.h"
#endif
