// What follows a convolution whose own epilogue can do no more than store sums (cublas_passes.h,
// cudnn_passes.h): bias, residual, activation, mask and packing in one pass over the output.
#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

/// y = activation(sums + residual + bias), added in this order. Device pointers, 16-byte aligned.
struct ConvEpilogue {
  const float* sums = nullptr;      ///< [positions, columns]; may be y
  const float* bias = nullptr;      ///< [columns], or null for none
  const float* residual = nullptr;  ///< [positions, columns], null for none; may be y
  float* y = nullptr;               ///< [positions, columns]; not written where it is sums already
  uint8_t* mask = nullptr;          ///< [mask_bytes(positions * columns)], or null
  PackedSave save = {};             ///< of the columns of y
  int64_t positions = 0, columns = 0;  ///< their product is below 2^31
  Activation activation = Activation::none;
};
void conv_epilogue(const ConvEpilogue& epilogue, cudaStream_t stream);

}  // namespace trady::kernels::cuda
