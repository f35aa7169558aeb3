// Launcher of Backend::transform_images (kernels/backend.h).
#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

int64_t image_scratch_bytes(int64_t count, int size);
void transform_images(const ImageBuffers& buffers, int64_t count, int size, cudaStream_t stream);

}  // namespace trady::kernels::cuda
