// Accesses of 16 bytes at once.
#pragma once

#include "cuda_on_host/vector_types.h"

namespace cuda_on_host {

/// The pointer must be 16-byte aligned.
float4 load4(const float* from);
void store4(float* to, float4 value);

}  // namespace cuda_on_host
