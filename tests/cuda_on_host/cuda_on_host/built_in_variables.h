// threadIdx and the like. They change with every switch of threads, but are const here: for the
// thread that reads them they are, and the instrumentation leaves constants alone. Only
// built_in_variables.cpp, which does not include this header, sees them as variables.
#pragma once

#include "cuda_on_host/vector_types.h"

extern const uint3 threadIdx;
extern const uint3 blockIdx;
extern const dim3 blockDim;
extern const dim3 gridDim;
constexpr int warpSize = 32;
