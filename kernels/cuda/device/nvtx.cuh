// NVTX, ranges for profilers: the toolkit's under nvcc (header-only), otherwise the host
// execution's, which tests can look at.
#pragma once

#ifdef __CUDACC__
#include <nvtx3/nvToolsExt.h>
#else
#include "cuda_on_host/nvtx.h"
#endif
