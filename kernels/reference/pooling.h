// Mean over positions: y[n, c] = 1/P * sum over p of x[n, p, c], and dx[n, p, c] = dy[n, c] / P.
#pragma once

#include <cstdint>

namespace trady::kernels::reference {

template <typename T>
void mean_pool_forward(const T* x,  // [N, P, C]
                       int64_t batch, int64_t positions, int64_t channel_count,
                       T* y) {  // [N, C]
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t c = 0; c < channel_count; ++c) {
      double sum = 0;
      for (int64_t p = 0; p < positions; ++p) {
        sum += static_cast<double>(x[(n * positions + p) * channel_count + c]);
      }
      y[n * channel_count + c] = static_cast<T>(sum / static_cast<double>(positions));
    }
  }
}

template <typename T>
void mean_pool_backward(const T* dy,  // [N, C]
                        int64_t batch, int64_t positions, int64_t channel_count,
                        T* dx) {  // [N, P, C]
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t p = 0; p < positions; ++p) {
      for (int64_t c = 0; c < channel_count; ++c) {
        dx[(n * positions + p) * channel_count + c] = static_cast<T>(
            static_cast<double>(dy[n * channel_count + c]) / static_cast<double>(positions));
      }
    }
  }
}

}  // namespace trady::kernels::reference
