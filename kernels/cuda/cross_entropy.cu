// loss[n] = log(sum over k of exp(z[k])) - z[label], with the largest logit taken out first;
// dlogits[n, k] = scale * (softmax(z)[k] - (k == label)); predicted[n] = index of the first largest
// logit. A NaN among the logits makes the loss NaN and the prediction -1. In double: there are few
// logits, and the loss is summed over an epoch.
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

constexpr unsigned kAllLanes = 0xFFFFFFFFU;

struct Largest {
  float value;
  int index;
  bool any_nan;
};

/// The first largest of a and b, of which neither comes first.
__device__ __forceinline__ Largest larger(Largest a, Largest b) {
  const bool take_b = b.value > a.value || (b.value == a.value && b.index < a.index);
  return {take_b ? b.value : a.value, take_b ? b.index : a.index, a.any_nan || b.any_nan};
}

/// All 32 lanes get the first largest of the row.
__device__ __forceinline__ Largest largest_of(const float* z,  // [classes]
                                              int classes, int lane) {
  // A lane without a class repeats class 0: that changes nothing.
  Largest best{z[0], 0, isnan(z[0])};
  for (int k = lane; k < classes; k += 32) best = larger(best, {z[k], k, isnan(z[k])});
  for (int distance = 16; distance > 0; distance /= 2) {
    const float value = __shfl_xor_sync(kAllLanes, best.value, distance);
    const int index = __shfl_xor_sync(kAllLanes, best.index, distance);
    const int any_nan = __shfl_xor_sync(kAllLanes, best.any_nan ? 1 : 0, distance);
    best = larger(best, {value, index, any_nan != 0});
  }
  return best;
}

// One warp a sample; lane l has classes l, l + 32, ...
__global__ void __launch_bounds__(32) softmax_loss(const float* logits,    // [N, classes]
                                                   const int32_t* labels,  // [N]
                                                   int classes, double scale,
                                                   float* dlogits,        // [N, classes] or null
                                                   double* loss,          // [N]
                                                   int32_t* predicted) {  // [N]
  const auto sample = static_cast<int64_t>(blockIdx.x);
  const int lane = static_cast<int>(threadIdx.x);
  const float* z = logits + sample * classes;
  const Largest largest = largest_of(z, classes, lane);
  const auto shift = static_cast<double>(largest.value);

  double sum = 0;
  for (int k = lane; k < classes; k += 32) sum += exp(static_cast<double>(z[k]) - shift);
  for (int distance = 16; distance > 0; distance /= 2) {
    sum += __shfl_xor_sync(kAllLanes, sum, distance);
  }

  const int label = labels[sample];
  if (lane == 0) {
    loss[sample] = log(sum) + shift - static_cast<double>(z[label]);
    predicted[sample] = largest.any_nan ? -1 : largest.index;
  }
  if (!dlogits) return;
  float* dz = dlogits + sample * classes;
  for (int k = lane; k < classes; k += 32) {
    const double softmax = exp(static_cast<double>(z[k]) - shift) / sum;
    dz[k] = static_cast<float>(scale * (softmax - (k == label ? 1.0 : 0.0)));
  }
}

}  // namespace

void cross_entropy(const CrossEntropyBuffers& b, int64_t batch, int64_t classes, double scale,
                   cudaStream_t stream) {
  launch({"cross_entropy", dim3(static_cast<unsigned>(batch), 1, 1), dim3(32, 1, 1), 0, stream},
         softmax_loss, static_cast<const float*>(b.logits), b.labels, static_cast<int>(classes),
         scale, static_cast<float*>(b.dlogits), b.loss, b.predicted);
}

}  // namespace trady::kernels::cuda
