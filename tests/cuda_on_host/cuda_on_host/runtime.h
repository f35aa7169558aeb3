// What <cuda_runtime.h> is to a .cu file, for the host: types, built-in variables, intrinsics, and
// the subset of the runtime that is executed here. README.md tells what is checked.
#pragma once

#include "cuda_on_host/async_copy.h"
#include "cuda_on_host/atomics.h"
#include "cuda_on_host/built_in_variables.h"
#include "cuda_on_host/control.h"
#include "cuda_on_host/device_math.h"
#include "cuda_on_host/launch.h"
#include "cuda_on_host/qualifiers.h"
#include "cuda_on_host/runtime_api.h"
#include "cuda_on_host/synchronization.h"
#include "cuda_on_host/tensor_core.h"
#include "cuda_on_host/vector_access.h"
#include "cuda_on_host/vector_types.h"
#include "cuda_on_host/violation.h"
#include "cuda_on_host/warp.h"
