// Sets what kernels see as threadIdx, blockIdx, blockDim and gridDim.
#pragma once

#include <cstdint>

#include "cuda_on_host/vector_types.h"

namespace cuda_on_host {

void set_thread_index(const uint3& index);
void set_block_index(const uint3& index);
void set_grid(const dim3& grid, const dim3& block);
bool is_built_in_variable(uintptr_t address);

}  // namespace cuda_on_host
