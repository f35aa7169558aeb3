// Batch-norm, element by element: y = activation(gamma * xhat + beta + residual) with
// xhat = (z - mean) / sqrt(variance + epsilon), its gradient by z, and the running statistics.
// Formulas in kernels/backend.h; the sums over a batch are in batch_norm_sums.cu.
// A thread has groups of elements so far apart that it meets the same channels in each, and
// computes what depends on the channel once.
// Floor: forward 8 bytes an element, 4 for a residual, 1/8 for a mask; grad_input 12.
#include <algorithm>
#include <numeric>

#include "kernels/cuda/device/activation.cuh"
#include "kernels/cuda/device/flat_launch.cuh"
#include "kernels/cuda/device/vector_access.cuh"
#include "kernels/cuda/small_ops.h"

namespace trady::kernels::cuda {
namespace {

/// BatchNormBuffers as kernels read them.
struct Norm {
  const float* z;         // [P, C]
  const float* mean;      // [C]
  const float* variance;  // [C]
  const float* gamma;     // [C]
  const float* beta;      // [C]
  float epsilon;

  explicit Norm(const BatchNormBuffers& b)
      : z(static_cast<const float*>(b.z)),
        mean(static_cast<const float*>(b.mean)),
        variance(static_cast<const float*>(b.variance)),
        gamma(static_cast<const float*>(b.gamma)),
        beta(static_cast<const float*>(b.beta)),
        epsilon(static_cast<float>(b.epsilon)) {}

  __device__ __forceinline__ float inverse_deviation(int channel) const {
    return 1.0F / sqrtf(variance[channel] + epsilon);
  }
};

/// Groups of kWidth elements in flat order, `stride` apart for one thread: a multiple of the
/// groups after which the channels are the same again.
template <int kWidth>
struct Groups {
  int64_t elements, stride;
  int channels;

  Groups(int64_t positions, int64_t channel_count)
      : elements(positions * channel_count), channels(static_cast<int>(channel_count)) {
    constexpr int64_t kFullGpu = int64_t{1} << 16;  // threads
    constexpr int64_t kMostOfThread = 8;
    if (elements == 0) {
      stride = 0;
      return;
    }
    const int64_t count = (elements + kWidth - 1) / kWidth;
    const int64_t period = channel_count / std::gcd(channel_count, int64_t{kWidth});
    const int64_t of_thread = std::clamp<int64_t>(count / kFullGpu, 1, kMostOfThread);
    stride = period * ((count + period * of_thread - 1) / (period * of_thread));
  }

  /// visit(place in the group, channel) for the elements of a group.
  template <typename Visit>
  __device__ __forceinline__ void for_each_channel(int64_t group, const Visit& visit) const {
    int channel = static_cast<int>(kWidth * group % channels);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      visit(i, channel);
      if (++channel == channels) channel = 0;
    }
  }
  /// How many of a group's elements there are; the last group may have fewer.
  __device__ __forceinline__ int size(int64_t group) const {
    const int64_t left = elements - kWidth * group;
    return left < kWidth ? static_cast<int>(left) : kWidth;
  }
};

/// values[i] = p[i], i < count; p 16-byte aligned. What is not read stays as it is.
template <int kWidth>
__device__ __forceinline__ void load_group(const float* p, int count, float (&values)[kWidth]) {
  if (count == kWidth) {
#pragma unroll
    for (int i = 0; i < kWidth; i += 4) {
      const float4 v = load4(p + i);
      values[i] = v.x, values[i + 1] = v.y, values[i + 2] = v.z, values[i + 3] = v.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      if (i < count) values[i] = p[i];
    }
  }
}

/// p[i] = values[i], i < count; p 16-byte aligned.
template <int kWidth>
__device__ __forceinline__ void store_group(const float (&values)[kWidth], int count, float* p) {
  if (count == kWidth) {
#pragma unroll
    for (int i = 0; i < kWidth; i += 4) {
      store4(p + i, make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]));
    }
  } else {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      if (i < count) p[i] = values[i];
    }
  }
}

/// Elements of a byte of the mask.
constexpr int kForwardWidth = 8;

// A thread begins with group flat_index() and makes whole bytes of the mask.
__global__ void __launch_bounds__(kFlatThreads)
    normalize_groups(Norm norm, Groups<kForwardWidth> groups, Activation activation,
                     const float* residual,  // [P, C], or null; may be y
                     float* y,               // [P, C]
                     uint8_t* mask) {        // bits in flat order, or null
  if (flat_index() >= groups.stride) return;
  float mean[kForwardWidth], slope[kForwardWidth], beta[kForwardWidth];
  groups.for_each_channel(flat_index(), [&](int i, int channel) {
    mean[i] = norm.mean[channel];
    slope[i] = norm.gamma[channel] * norm.inverse_deviation(channel);
    beta[i] = norm.beta[channel];
  });
  for (int64_t group = flat_index(); kForwardWidth * group < groups.elements;
       group += groups.stride) {
    const int64_t first = kForwardWidth * group;
    const int count = groups.size(group);
    float v[kForwardWidth] = {}, addend[kForwardWidth] = {};
    load_group(norm.z + first, count, v);
    if (residual != nullptr) load_group(residual + first, count, addend);
    unsigned bits = 0;
#pragma unroll
    for (int i = 0; i < kForwardWidth; ++i) {
      v[i] = (v[i] - mean[i]) * slope[i] + beta[i];
      if (residual != nullptr) v[i] += addend[i];
      if (i < count && passes_gradient(v[i], activation)) bits |= 1U << i;
      v[i] = activate(v[i], activation);
    }
    store_group(v, count, y + first);
    if (mask != nullptr) mask[group] = static_cast<uint8_t>(bits);
  }
}

constexpr int kGradientWidth = 4;

// A thread begins with group flat_index().
__global__ void __launch_bounds__(kFlatThreads)
    gradient_groups(Norm norm, Groups<kGradientWidth> groups, float positions,
                    const float* dy,      // [P, C]; may be dz
                    const float* dgamma,  // [C]
                    const float* dbeta,   // [C]
                    float* dz) {          // [P, C]
  if (flat_index() >= groups.stride) return;
  // dz = slope * (dy - shift - (z - mean) * tilt)
  float mean[kGradientWidth], slope[kGradientWidth], shift[kGradientWidth], tilt[kGradientWidth];
  groups.for_each_channel(flat_index(), [&](int i, int channel) {
    const float inverse = norm.inverse_deviation(channel);
    mean[i] = norm.mean[channel];
    slope[i] = norm.gamma[channel] * inverse;
    shift[i] = dbeta[channel] / positions;
    tilt[i] = inverse * dgamma[channel] / positions;
  });
  for (int64_t group = flat_index(); kGradientWidth * group < groups.elements;
       group += groups.stride) {
    const int64_t first = kGradientWidth * group;
    const int count = groups.size(group);
    float z[kGradientWidth] = {}, v[kGradientWidth] = {};
    load_group(norm.z + first, count, z);
    load_group(dy + first, count, v);
#pragma unroll
    for (int i = 0; i < kGradientWidth; ++i) {
      v[i] = slope[i] * (v[i] - shift[i] - (z[i] - mean[i]) * tilt[i]);
    }
    store_group(v, count, dz + first);
  }
}

// A thread has a channel.
__global__ void __launch_bounds__(kFlatThreads)
    follow_statistics(const StepControl* control,
                      const float* mean,      // [C]
                      const float* variance,  // [C]
                      int64_t channel_count, double momentum, double unbiased,
                      float* running_mean,        // [C]
                      float* running_variance) {  // [C]
  const int64_t c = flat_index();
  if (c >= channel_count || control->updates == 0) return;
  const auto follow = [momentum](float& running, double value) {
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * value);
  };
  follow(running_mean[c], static_cast<double>(mean[c]));
  follow(running_variance[c], static_cast<double>(variance[c]) * unbiased);
}

}  // namespace

void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation, const float* residual, float* y, uint8_t* mask,
                        cudaStream_t stream) {
  const Groups<kForwardWidth> groups(positions, channel_count);
  launch(flat_launch("batch_norm_forward", groups.stride, stream), normalize_groups, Norm(buffers),
         groups, activation, residual, y, mask);
}

void batch_norm_grad_input(const BatchNormBuffers& buffers, const float* dy, const float* dgamma,
                           const float* dbeta, int64_t positions, int64_t channel_count, float* dz,
                           cudaStream_t stream) {
  const Groups<kGradientWidth> groups(positions, channel_count);
  launch(flat_launch("batch_norm_grad_input", groups.stride, stream), gradient_groups,
         Norm(buffers), groups, static_cast<float>(positions), dy, dgamma, dbeta, dz);
}

void update_statistics(const StepControl* control, const float* mean, const float* variance,
                       int64_t positions, int64_t channel_count, double momentum,
                       float* running_mean, float* running_variance, cudaStream_t stream) {
  const double unbiased =
      static_cast<double>(positions) / static_cast<double>(std::max<int64_t>(positions - 1, 1));
  launch(flat_launch("update_statistics", channel_count, stream), follow_statistics, control, mean,
         variance, channel_count, momentum, unbiased, running_mean, running_variance);
}

}  // namespace trady::kernels::cuda
