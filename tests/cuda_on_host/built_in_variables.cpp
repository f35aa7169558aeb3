// threadIdx and the like as variables. Does not include cuda_on_host/built_in_variables.h, where
// they are const.
#include "built_in_variables.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace cuda_on_host {

void set_thread_index(const uint3& index) {
  threadIdx = index;
}

void set_block_index(const uint3& index) {
  blockIdx = index;
}

void set_grid(const dim3& grid, const dim3& block) {
  gridDim = grid;
  blockDim = block;
}

bool is_built_in_variable(uintptr_t address) {
  const auto within = [address](const auto& variable) {
    return address - reinterpret_cast<uintptr_t>(&variable) < sizeof variable;
  };
  return within(threadIdx) || within(blockIdx) || within(blockDim) || within(gridDim);
}

}  // namespace cuda_on_host
