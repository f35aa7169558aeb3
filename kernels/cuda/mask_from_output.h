// The activation's bit mask from the stored output, where an epilogue cannot write whole bytes.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/runtime.cuh"
#include "kernels/types.h"

namespace trady::kernels::cuda {

/// mask bit i = y[i] passes the gradient; bits past `elements` are 0. y: [elements], as the
/// activation left it; mask: [mask_bytes(elements)]. Device pointers.
void mask_from_output(const float* y, int64_t elements, Activation activation, uint8_t* mask,
                      cudaStream_t stream);

}  // namespace trady::kernels::cuda
