// loss[n] = log(sum over k of exp(z[k])) - z[label], with the largest logit taken out first;
// dlogits[n, k] = scale * (softmax(z)[k] - (k == label)).
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/backend.h"

namespace trady::kernels::reference {

/// Index of the first largest logit; -1 if any is NaN.
template <typename T>
int32_t first_largest(const T* logits, int64_t classes) {
  int64_t best = 0;
  for (int64_t k = 0; k < classes; ++k) {
    if (std::isnan(logits[k])) return -1;
    if (logits[k] > logits[best]) best = k;
  }
  return static_cast<int32_t>(best);
}

template <typename T>
void cross_entropy(const CrossEntropyBuffers& b, int64_t batch, int64_t classes, double scale) {
  for (int64_t n = 0; n < batch; ++n) {
    const T* z = static_cast<const T*>(b.logits) + n * classes;
    const int32_t label = b.labels[n];
    b.predicted[n] = first_largest(z, classes);
    // With a NaN among the logits any of them serves: the sum, and so the loss, is NaN anyway.
    const double largest = static_cast<double>(z[b.predicted[n] < 0 ? 0 : b.predicted[n]]);
    double sum = 0;
    for (int64_t k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(z[k]) - largest);
    b.loss[n] = std::log(sum) + largest - static_cast<double>(z[label]);
    if (!b.dlogits) continue;
    T* dz = static_cast<T*>(b.dlogits) + n * classes;
    for (int64_t k = 0; k < classes; ++k) {
      const double softmax = std::exp(static_cast<double>(z[k]) - largest) / sum;
      dz[k] = static_cast<T>(scale * (softmax - (k == label ? 1.0 : 0.0)));
    }
  }
}

}  // namespace trady::kernels::reference
