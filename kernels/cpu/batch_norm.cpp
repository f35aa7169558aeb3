#include "kernels/cpu/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/vector_kernels.h"

namespace trady::kernels::cpu {
namespace {

/// Channels at a time: what is computed for each of them stays on the stack and in the cache.
constexpr int64_t kTile = 256;

/// visit(first channel, number of channels) for all tiles.
template <typename Visit>
void for_each_tile(int64_t channel_count, const Visit& visit) {
  for (int64_t first = 0; first < channel_count; first += kTile) {
    visit(first, std::min(kTile, channel_count - first));
  }
}

const float* floats(const void* values, int64_t first) {
  return static_cast<const float*>(values) + first;
}

/// 1 / sqrt(variance + epsilon)
double inverse_deviation(const BatchNormBuffers& buffers, int64_t channel) {
  return 1 / std::sqrt(static_cast<double>(floats(buffers.variance, 0)[channel]) + buffers.epsilon);
}

}  // namespace

void batch_statistics(const float* z, int64_t positions, int64_t channel_count, float* mean,
                      float* variance) {
  const auto positions_count = static_cast<double>(positions);
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    // Read once: the first position, of every channel, is near enough to its mean.
    const float* origin = z + first;
    double sums[kTile], squares[kTile];
    vector_kernels().column_moments({positions, count, channel_count}, z + first, origin, sums,
                                    squares);
    for (int64_t c = 0; c < count; ++c) {
      const double from_origin = sums[c] / positions_count;
      const double spread = squares[c] / positions_count - from_origin * from_origin;
      mean[first + c] = static_cast<float>(static_cast<double>(origin[c]) + from_origin);
      variance[first + c] = static_cast<float>(std::max(spread, 0.0));
    }
  });
}

void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation, const float* residual, float* y, uint8_t* mask) {
  // Where rows end within a byte of the mask, or all passes, that is a pass of its own.
  const bool masks = mask && channel_count % 8 == 0 && activation != Activation::none;
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    float slope[kTile];
    for (int64_t c = 0; c < count; ++c) {
      slope[c] = static_cast<float>(static_cast<double>(floats(buffers.gamma, first)[c]) *
                                    inverse_deviation(buffers, first + c));
    }
    NormalizeArgs args;
    args.shape = {positions, count, channel_count};
    args.z = floats(buffers.z, first);
    args.mean = floats(buffers.mean, first);
    args.slope = slope;
    args.offset = floats(buffers.beta, first);
    args.addend = residual ? residual + first : nullptr;
    args.activation = activation;
    args.y = y + first;
    args.mask = masks ? mask + first / 8 : nullptr;
    vector_kernels().normalize(args);
  });
  if (mask && !masks) vector_kernels().write_mask(y, positions * channel_count, activation, mask);
}

void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const float* dy, int64_t positions,
                                int64_t channel_count, float* dgamma, float* dbeta) {
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    double sums[kTile], products[kTile];
    vector_kernels().column_products({positions, count, channel_count}, dy + first,
                                     floats(buffers.z, first), floats(buffers.mean, first), sums,
                                     products);
    for (int64_t c = 0; c < count; ++c) {
      dgamma[first + c] = static_cast<float>(products[c] * inverse_deviation(buffers, first + c));
      dbeta[first + c] = static_cast<float>(sums[c]);
    }
  });
}

void batch_norm_grad_input(const BatchNormBuffers& buffers, const float* dy, const float* dgamma,
                           const float* dbeta, int64_t positions, int64_t channel_count,
                           float* dz) {
  const auto positions_count = static_cast<double>(positions);
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    float slope[kTile], shift[kTile], tilt[kTile];
    for (int64_t c = 0; c < count; ++c) {
      const double inverse = inverse_deviation(buffers, first + c);
      slope[c] = static_cast<float>(static_cast<double>(floats(buffers.gamma, first)[c]) * inverse);
      shift[c] = static_cast<float>(static_cast<double>(dbeta[first + c]) / positions_count);
      tilt[c] =
          static_cast<float>(inverse * static_cast<double>(dgamma[first + c]) / positions_count);
    }
    NormalizeGradArgs args;
    args.shape = {positions, count, channel_count};
    args.z = floats(buffers.z, first);
    args.mean = floats(buffers.mean, first);
    args.dy = dy + first;
    args.slope = slope;
    args.shift = shift;
    args.tilt = tilt;
    args.dz = dz + first;
    vector_kernels().normalize_grad(args);
  });
}

void update_statistics(const StepControl& control, const float* mean, const float* variance,
                       int64_t positions, int64_t channel_count, double momentum,
                       float* running_mean, float* running_variance) {
  if (control.updates == 0) return;
  const double unbiased =
      static_cast<double>(positions) / static_cast<double>(std::max<int64_t>(positions - 1, 1));
  const auto follow = [momentum](float& running, double value) {
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * value);
  };
  for (int64_t c = 0; c < channel_count; ++c) {
    follow(running_mean[c], static_cast<double>(mean[c]));
    follow(running_variance[c], static_cast<double>(variance[c]) * unbiased);
  }
}

}  // namespace trady::kernels::cpu
