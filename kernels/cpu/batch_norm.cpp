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

float activated(float value, Activation activation) {
  if (activation == Activation::none) return value;
  value = std::max(value, 0.0f);
  return activation == Activation::relu6 ? std::min(value, 6.0f) : value;
}

template <Activation kActivation>
void normalize_rows(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                    const float* residual, float* y) {
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    float slope[kTile];
    for (int64_t c = 0; c < count; ++c) {
      slope[c] = static_cast<float>(static_cast<double>(floats(buffers.gamma, first)[c]) *
                                    inverse_deviation(buffers, first + c));
    }
    const float* mean = floats(buffers.mean, first);
    const float* beta = floats(buffers.beta, first);
    for (int64_t p = 0; p < positions; ++p) {
      const int64_t row = p * channel_count + first;
      const float* z = floats(buffers.z, row);
      float* out = y + row;
      if (residual == nullptr) {
        for (int64_t c = 0; c < count; ++c) {
          out[c] = activated((z[c] - mean[c]) * slope[c] + beta[c], kActivation);
        }
      } else {
        const float* addend = residual + row;
        for (int64_t c = 0; c < count; ++c) {  // addend may be out: the same element at a time
          out[c] = activated((z[c] - mean[c]) * slope[c] + beta[c] + addend[c], kActivation);
        }
      }
    }
  });
}

}  // namespace

void batch_statistics(const float* z, int64_t positions, int64_t channel_count, float* mean,
                      float* variance) {
  const auto positions_count = static_cast<double>(positions);
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    double means[kTile] = {}, squares[kTile] = {};
    for (int64_t p = 0; p < positions; ++p) {
      const float* row = z + p * channel_count + first;
      for (int64_t c = 0; c < count; ++c) means[c] += static_cast<double>(row[c]);
    }
    for (int64_t c = 0; c < count; ++c) means[c] /= positions_count;
    for (int64_t p = 0; p < positions; ++p) {
      const float* row = z + p * channel_count + first;
      for (int64_t c = 0; c < count; ++c) {
        const double deviation = static_cast<double>(row[c]) - means[c];
        squares[c] += deviation * deviation;
      }
    }
    for (int64_t c = 0; c < count; ++c) {
      mean[first + c] = static_cast<float>(means[c]);
      variance[first + c] = static_cast<float>(squares[c] / positions_count);
    }
  });
}

void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation, const float* residual, float* y, uint8_t* mask) {
  switch (activation) {
    case Activation::none:
      normalize_rows<Activation::none>(buffers, positions, channel_count, residual, y);
      break;
    case Activation::relu:
      normalize_rows<Activation::relu>(buffers, positions, channel_count, residual, y);
      break;
    case Activation::relu6:
      normalize_rows<Activation::relu6>(buffers, positions, channel_count, residual, y);
      break;
  }
  if (mask) vector_kernels().write_mask(y, positions * channel_count, activation, mask);
}

void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const float* dy, int64_t positions,
                                int64_t channel_count, float* dgamma, float* dbeta) {
  for_each_tile(channel_count, [&](int64_t first, int64_t count) {
    double products[kTile] = {}, sums[kTile] = {};
    const float* mean = floats(buffers.mean, first);
    for (int64_t p = 0; p < positions; ++p) {
      const int64_t row = p * channel_count + first;
      const float* z = floats(buffers.z, row);
      for (int64_t c = 0; c < count; ++c) {
        const auto gradient = static_cast<double>(dy[row + c]);
        products[c] += gradient * (static_cast<double>(z[c]) - static_cast<double>(mean[c]));
        sums[c] += gradient;
      }
    }
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
    // dz = slope * (dy - shift - (z - mean) * tilt)
    float slope[kTile], shift[kTile], tilt[kTile];
    for (int64_t c = 0; c < count; ++c) {
      const double inverse = inverse_deviation(buffers, first + c);
      slope[c] = static_cast<float>(static_cast<double>(floats(buffers.gamma, first)[c]) * inverse);
      shift[c] = static_cast<float>(static_cast<double>(dbeta[first + c]) / positions_count);
      tilt[c] =
          static_cast<float>(inverse * static_cast<double>(dgamma[first + c]) / positions_count);
    }
    const float* mean = floats(buffers.mean, first);
    for (int64_t p = 0; p < positions; ++p) {
      const int64_t row = p * channel_count + first;
      const float* z = floats(buffers.z, row);
      const float* in = dy + row;
      float* out = dz + row;
      for (int64_t c = 0; c < count; ++c) {  // in may be out: the same element at a time
        out[c] = slope[c] * (in[c] - shift[c] - (z[c] - mean[c]) * tilt[c]);
      }
    }
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
