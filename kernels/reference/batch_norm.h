// Batch-norm over the rows of a matrix, its gradients and its running statistics; formulas in
// kernels/backend.h. Everything is computed in double and rounded once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/backend.h"
#include "kernels/reference/conv_forward.h"

namespace trady::kernels::reference {

template <typename T>
void batch_statistics(const T* z,  // [P, C]
                      int64_t positions, int64_t channel_count,
                      T* mean,        // [C]
                      T* variance) {  // [C]
  const auto count = static_cast<double>(positions);
  for (int64_t c = 0; c < channel_count; ++c) {
    double sum = 0, squares = 0;
    for (int64_t p = 0; p < positions; ++p) sum += static_cast<double>(z[p * channel_count + c]);
    for (int64_t p = 0; p < positions; ++p) {
      const double deviation = static_cast<double>(z[p * channel_count + c]) - sum / count;
      squares += deviation * deviation;
    }
    mean[c] = static_cast<T>(sum / count);
    variance[c] = static_cast<T>(squares / count);
  }
}

/// The buffers of a batch-norm as numbers.
template <typename T>
struct BatchNormView {
  explicit BatchNormView(const BatchNormBuffers& b, int64_t channels)
      : buffers(b), channel_count(channels) {}

  static double at(const void* values, int64_t i) {
    return static_cast<double>(static_cast<const T*>(values)[i]);
  }
  double gamma(int64_t c) const { return at(buffers.gamma, c); }
  double beta(int64_t c) const { return at(buffers.beta, c); }
  /// 1 / sqrt(variance + epsilon)
  double inverse_deviation(int64_t c) const {
    return 1 / std::sqrt(at(buffers.variance, c) + buffers.epsilon);
  }
  double normalized(int64_t p, int64_t c) const {
    return (at(buffers.z, p * channel_count + c) - at(buffers.mean, c)) * inverse_deviation(c);
  }

  const BatchNormBuffers& buffers;
  int64_t channel_count;
};

template <typename T>
void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation,
                        const T* residual,  // [P, C], or null; may be y
                        T* y,               // [P, C]
                        uint8_t* mask) {    // bits of y, or null
  const BatchNormView<T> norm(buffers, channel_count);
  if (mask) std::memset(mask, 0, static_cast<size_t>(mask_bytes(positions * channel_count)));
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t c = 0; c < channel_count; ++c) {
      const int64_t i = p * channel_count + c;
      double value = norm.gamma(c) * norm.normalized(p, c) + norm.beta(c);
      if (residual) value += static_cast<double>(residual[i]);
      const T rounded = static_cast<T>(value);
      y[i] = activate(rounded, activation);
      if (mask && passes_gradient(rounded, activation)) {
        mask[i / 8] = static_cast<uint8_t>(mask[i / 8] | 1u << (i % 8));
      }
    }
  }
}

template <typename T>
void batch_norm_grad_parameters(const BatchNormBuffers& buffers,
                                const T* dy,  // [P, C]
                                int64_t positions, int64_t channel_count,
                                T* dgamma,   // [C]
                                T* dbeta) {  // [C]
  const BatchNormView<T> norm(buffers, channel_count);
  for (int64_t c = 0; c < channel_count; ++c) {
    double gamma_sum = 0, beta_sum = 0;
    for (int64_t p = 0; p < positions; ++p) {
      const auto gradient = static_cast<double>(dy[p * channel_count + c]);
      gamma_sum += gradient * norm.normalized(p, c);
      beta_sum += gradient;
    }
    dgamma[c] = static_cast<T>(gamma_sum);
    dbeta[c] = static_cast<T>(beta_sum);
  }
}

template <typename T>
void batch_norm_grad_input(const BatchNormBuffers& buffers,
                           const T* dy,      // [P, C]; may be dz
                           const T* dgamma,  // [C]
                           const T* dbeta,   // [C]
                           int64_t positions, int64_t channel_count,
                           T* dz) {  // [P, C]
  const BatchNormView<T> norm(buffers, channel_count);
  const auto count = static_cast<double>(positions);
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t c = 0; c < channel_count; ++c) {
      const int64_t i = p * channel_count + c;
      const double centred = static_cast<double>(dy[i]) - static_cast<double>(dbeta[c]) / count -
                             norm.normalized(p, c) * static_cast<double>(dgamma[c]) / count;
      dz[i] = static_cast<T>(norm.gamma(c) * norm.inverse_deviation(c) * centred);
    }
  }
}

template <typename T>
void update_statistics(const StepControl& control,
                       const T* mean,      // [C]
                       const T* variance,  // [C]
                       int64_t positions, int64_t channel_count, double momentum,
                       T* running_mean,        // [C]
                       T* running_variance) {  // [C]
  if (control.updates == 0) return;
  const double unbiased =
      static_cast<double>(positions) / static_cast<double>(std::max<int64_t>(positions - 1, 1));
  const auto follow = [momentum](T& running, double value) {
    running = static_cast<T>((1 - momentum) * static_cast<double>(running) + momentum * value);
  };
  for (int64_t c = 0; c < channel_count; ++c) {
    follow(running_mean[c], static_cast<double>(mean[c]));
    follow(running_variance[c], static_cast<double>(variance[c]) * unbiased);
  }
}

}  // namespace trady::kernels::reference
