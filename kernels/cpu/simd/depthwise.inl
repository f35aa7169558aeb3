// Depthwise forward and grad_input: vectors along channels, a tile of neighbouring positions at a
// time. Along a row of the kernel the taps meet neighbouring inputs, so one loaded input serves
// several positions; rows of the kernel are a list, which makes borders, strides and both passes
// the same loop.

template <int kWidth, int kTaps, int kStep, int kPositions>
inline void depthwise_tile(const DepthwiseArgs& d, int64_t position, int64_t channel) {
  using V = Vector<kWidth>;
  const int64_t channels = d.channels;
  V acc[kPositions];
  const V initial = d.bias == nullptr ? V{} : load<kWidth>(d.bias + channel);
#pragma GCC unroll 8
  for (int t = 0; t < kPositions; ++t) acc[t] = initial;
  for (int64_t row = 0; row < d.rows; ++row) {
    const float* x = d.in_row[row] + position * kStep * channels + channel;
    const float* weight = d.weight_row[row] + channel;
    V w[kTaps];
#pragma GCC unroll 8
    for (int k = 0; k < kTaps; ++k) w[k] = load<kWidth>(weight + k * d.weight_step);
#pragma GCC unroll 32
    for (int i = 0; i < (kPositions - 1) * kStep + kTaps; ++i) {
      const V xv = load<kWidth>(x + i * channels);
#pragma GCC unroll 8
      for (int k = 0; k < kTaps; ++k) {
        if (i >= k && (i - k) % kStep == 0 && (i - k) / kStep < kPositions) {
          acc[(i - k) / kStep] += w[k] * xv;
        }
      }
    }
  }
  const int64_t first = position * d.out_step + channel;
  if (d.addend != nullptr) {
#pragma GCC unroll 8
    for (int t = 0; t < kPositions; ++t) {
      acc[t] += load<kWidth>(d.addend + first + t * d.out_step);
    }
  }
  const Clip clip = clip_of(d.activation);
  const V low = broadcast<kWidth>(clip.low), high = broadcast<kWidth>(clip.high);
  float* out = d.out + first;
#pragma GCC unroll 8
  for (int t = 0; t < kPositions; ++t) {
    store<kWidth>(out, clipped<kWidth>(acc[t], low, high));
    out += d.out_step;
  }
}

/// The same for one position and any number of taps, several vectors of channels at once.
template <int kWidth, int kVectors>
inline void depthwise_position(const DepthwiseArgs& d, int64_t position, int64_t channel) {
  using V = Vector<kWidth>;
  V acc[kVectors] = {};
  if (d.bias != nullptr) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) acc[v] = load<kWidth>(d.bias + channel + v * kWidth);
  }
  for (int64_t row = 0; row < d.rows; ++row) {
    const float* x = d.in_row[row] + position * d.in_step + channel;
    const float* weight = d.weight_row[row] + channel;
    for (int64_t k = 0; k < d.taps; ++k) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        acc[v] += load<kWidth>(weight + v * kWidth) * load<kWidth>(x + v * kWidth);
      }
      x += d.channels;
      weight += d.weight_step;
    }
  }
  const Clip clip = clip_of(d.activation);
  const V low = broadcast<kWidth>(clip.low), high = broadcast<kWidth>(clip.high);
  const int64_t first = position * d.out_step + channel;
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    if (d.addend != nullptr) acc[v] += load<kWidth>(d.addend + first + v * kWidth);
    store<kWidth>(d.out + first + v * kWidth, clipped<kWidth>(acc[v], low, high));
  }
}

template <int kTaps, int kStep, int kPositions>
void depthwise_positions(const DepthwiseArgs& d, int64_t position) {
  for_vectors<kVectorFloats>(0, d.channels, [&]<int kWidth>(int64_t c) {
    depthwise_tile<kWidth, kTaps, kStep, kPositions>(d, position, c);
  });
}

/// As many positions as tiles of 6, 4 and 2 cover; returns how many.
template <int kTaps, int kStep>
int64_t depthwise_tiles(const DepthwiseArgs& d) {
  int64_t position = 0;
  for (; position + 6 <= d.positions; position += 6) {
    depthwise_positions<kTaps, kStep, 6>(d, position);
  }
  for (; position + 4 <= d.positions; position += 4) {
    depthwise_positions<kTaps, kStep, 4>(d, position);
  }
  for (; position + 2 <= d.positions; position += 2) {
    depthwise_positions<kTaps, kStep, 2>(d, position);
  }
  return position;
}

int64_t depthwise_tiles(const DepthwiseArgs& d) {
  if (d.in_step == d.channels) {
    switch (d.taps) {
      case 1:  // one and two: grad_input of a convolution with stride 2
        return depthwise_tiles<1, 1>(d);
      case 2:
        return depthwise_tiles<2, 1>(d);
      case 3:
        return depthwise_tiles<3, 1>(d);
      case 5:
        return depthwise_tiles<5, 1>(d);
      case 7:
        return depthwise_tiles<7, 1>(d);
      default:
        return 0;
    }
  }
  if (d.in_step == 2 * d.channels) {
    switch (d.taps) {
      case 3:
        return depthwise_tiles<3, 2>(d);
      case 5:
        return depthwise_tiles<5, 2>(d);
      case 7:
        return depthwise_tiles<7, 2>(d);
      default:
        return 0;
    }
  }
  return 0;
}

void depthwise(const DepthwiseArgs& d) {
  constexpr int64_t kBlock = 4 * kVectorFloats;
  for (int64_t position = depthwise_tiles(d); position < d.positions; ++position) {
    int64_t channel = 0;
    for (; channel + kBlock <= d.channels; channel += kBlock) {
      depthwise_position<kVectorFloats, 4>(d, position, channel);
    }
    for_vectors<kVectorFloats>(channel, d.channels, [&]<int kWidth>(int64_t c) {
      depthwise_position<kWidth, 1>(d, position, c);
    });
  }
}
