// Everything that moves or reduces elements one by one; formulas in kernels/backend.h.
#pragma once

#include <cstdint>

#include "kernels/normalization.h"
#include "kernels/types.h"

namespace trady::kernels::reference {

template <typename T>
void pack_channels(const T* x,  // [P, C]
                   int64_t positions, int64_t channel_count, ChannelList channels,
                   T* out) {  // [P, list]
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t j = 0; j < channels.count; ++j) {
      out[p * channels.count + j] = x[p * channel_count + channels.index[j]];
    }
  }
}

template <typename T>
void apply_mask(T* dy, const uint8_t* mask, int64_t elements) {
  for (int64_t i = 0; i < elements; ++i) {
    if (((mask[i / 8] >> (i % 8)) & 1) == 0) dy[i] = T(0);
  }
}

template <typename T>
void grad_bias(const T* dy,  // [P, C']
               int64_t positions, int64_t channel_count,
               T* db) {  // [C']
  for (int64_t o = 0; o < channel_count; ++o) {
    double sum = 0;
    for (int64_t p = 0; p < positions; ++p) sum += static_cast<double>(dy[p * channel_count + o]);
    db[o] = static_cast<T>(sum);
  }
}

template <typename T>
void normalize(const uint8_t* pixels,  // [P, 3]
               int64_t positions, const double mean[3], const double std[3],
               T* x) {  // [P, 3]
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t c = 0; c < 3; ++c) {
      x[p * 3 + c] = static_cast<T>(normalized_pixel(pixels[p * 3 + c], mean[c], std[c]));
    }
  }
}

template <typename T>
void add(const T* x, int64_t elements, T* out) {
  for (int64_t i = 0; i < elements; ++i) out[i] += x[i];
}

template <typename T>
void scale_rows(T* x,  // [rows, columns]
                ChannelList rows, int64_t columns,
                const T* scale) {  // by channel
  for (int64_t r = 0; r < rows.count; ++r) {
    const double factor = static_cast<double>(scale[rows.index ? rows.index[r] : r]);
    for (int64_t i = 0; i < columns; ++i) {
      x[r * columns + i] = static_cast<T>(static_cast<double>(x[r * columns + i]) * factor);
    }
  }
}

template <typename T>
double sum_squares(const T* x, int64_t elements) {
  double sum = 0;
  for (int64_t i = 0; i < elements; ++i) {
    sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return sum;
}

}  // namespace trady::kernels::reference
