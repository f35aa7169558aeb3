// The activation of a forward epilogue and the bit that backward keeps of it.
#pragma once

#include "kernels/cuda/device/runtime.cuh"
#include "kernels/types.h"

namespace trady::kernels::cuda {

/// Comparisons are written so that NaN passes through: a diverged run must show.
__device__ __forceinline__ float activate(float value, Activation activation) {
  if (activation == Activation::none) return value;
  if (value < 0.0F) return 0.0F;
  return activation == Activation::relu6 && value > 6.0F ? 6.0F : value;
}

/// No gradient at the corners themselves, nor for NaN. The same whether it is asked of the value
/// before the activation or of the one after it.
__device__ __forceinline__ bool passes_gradient(float value, Activation activation) {
  if (activation == Activation::none) return true;
  return value > 0.0F && (activation == Activation::relu || value < 6.0F);
}

}  // namespace trady::kernels::cuda
