// x[p][c] = (pixels[p][c] / 255 - mean[c]) / std[c], rounded as kernels/normalization.h says: the
// same bytes as on every device. Floor: 1 byte read and 4 written an element.
#include "kernels/normalization.h"

#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

struct Statistics {
  double mean[3], std[3];
};

// A thread makes one element.
__global__ void __launch_bounds__(kFlatThreads)
    normalize_bytes(const uint8_t* pixels,  // [P, 3]
                    int64_t elements, Statistics statistics,
                    float* x) {  // [P, 3]
  const int64_t i = flat_index();
  if (i >= elements) return;
  const int64_t c = i % 3;
  // Selected, not indexed: an array indexed at run time would live in local memory.
  const double mean = c == 0   ? statistics.mean[0]
                      : c == 1 ? statistics.mean[1]
                               : statistics.mean[2];
  const double std = c == 0 ? statistics.std[0] : c == 1 ? statistics.std[1] : statistics.std[2];
  x[i] = normalized_pixel(pixels[i], mean, std);
}

}  // namespace

void normalize(const uint8_t* pixels, int64_t positions, const double* mean, const double* std,
               float* x, cudaStream_t stream) {
  const Statistics statistics{{mean[0], mean[1], mean[2]}, {std[0], std[1], std[2]}};
  launch(flat_launch("normalize", 3 * positions, stream), normalize_bytes, pixels, 3 * positions,
         statistics, x);
}

}  // namespace trady::kernels::cuda
