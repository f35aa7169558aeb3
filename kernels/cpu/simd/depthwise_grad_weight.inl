// Depthwise grad_weight. Many channels: vectors along them, and tiles of positions as in the
// forward pass. Few channels: a tap is the dot product of two flat panels of interleaved channels,
// one shifted against the other.

template <int kTaps, int kStep, int kPositions, bool kEdge>
inline void depthwise_grad_tile(const DepthwiseGradWeightArgs& g, int64_t position,
                                int64_t channel) {
  constexpr int kW = kVectorFloats;
  using V = Vector<kW>;
  const int64_t channels = g.channels;
  const int64_t start = g.in_first + position * kStep;
  const int64_t end = g.in_count - start;
  V dy[kPositions];
#pragma GCC unroll 8
  for (int t = 0; t < kPositions; ++t) {
    dy[t] = load<kW>(g.dy + (position + t) * g.dy_step + channel);
  }
  for (int64_t row = 0; row < g.rows; ++row) {
    const float* x = g.x_row[row] + start * channels + channel;
    float* sums = g.sums[row] + channel;
    V acc[kTaps] = {};
#pragma GCC unroll 32
    for (int i = 0; i < (kPositions - 1) * kStep + kTaps; ++i) {
      if (kEdge && (i < -start || i >= end)) continue;
      const V xv = load<kW>(x + i * channels);
#pragma GCC unroll 8
      for (int k = 0; k < kTaps; ++k) {
        if (i >= k && (i - k) % kStep == 0 && (i - k) / kStep < kPositions) {
          acc[k] += dy[(i - k) / kStep] * xv;
        }
      }
    }
#pragma GCC unroll 8
    for (int k = 0; k < kTaps; ++k) {
      store<kW>(sums + k * channels, load<kW>(sums + k * channels) + acc[k]);
    }
  }
}

/// The same for any taps and step, one position at a time.
template <int kWidth>
void depthwise_grad_positions(const DepthwiseGradWeightArgs& g, int64_t channel) {
  for (int64_t row = 0; row < g.rows; ++row) {
    for (int64_t k = 0; k < g.taps; ++k) {
      const float* x = g.x_row[row] + channel;
      float* sum = g.sums[row] + k * g.channels + channel;
      Vector<kWidth> acc = load<kWidth>(sum);
      for (int64_t t = 0; t < g.positions; ++t) {
        const int64_t i = g.in_first + t * g.in_step + k;
        if (i < 0 || i >= g.in_count) continue;
        acc += load<kWidth>(g.dy + t * g.dy_step + channel) * load<kWidth>(x + i * g.channels);
      }
      store<kWidth>(sum, acc);
    }
  }
}

template <int kTaps, int kStep, int kPositions>
void depthwise_grad_tiles(const DepthwiseGradWeightArgs& g, int64_t position) {
  const int64_t start = g.in_first + position * kStep;
  const bool edge = start < 0 || start + (kPositions - 1) * kStep + kTaps > g.in_count;
  for (int64_t c = 0; c + kVectorFloats <= g.channels; c += kVectorFloats) {
    if (edge) {
      depthwise_grad_tile<kTaps, kStep, kPositions, true>(g, position, c);
    } else {
      depthwise_grad_tile<kTaps, kStep, kPositions, false>(g, position, c);
    }
  }
}

template <int kTaps, int kStep>
void depthwise_grad_whole_vectors(const DepthwiseGradWeightArgs& g) {
  int64_t p = 0;
  for (; p + 8 <= g.positions; p += 8) depthwise_grad_tiles<kTaps, kStep, 8>(g, p);
  for (; p + 4 <= g.positions; p += 4) depthwise_grad_tiles<kTaps, kStep, 4>(g, p);
  for (; p < g.positions; ++p) depthwise_grad_tiles<kTaps, kStep, 1>(g, p);
}

bool depthwise_grad_in_tiles(const DepthwiseGradWeightArgs& g) {
  switch (g.in_step * 10 + g.taps) {
    case 13:
      return depthwise_grad_whole_vectors<3, 1>(g), true;
    case 15:
      return depthwise_grad_whole_vectors<5, 1>(g), true;
    case 17:
      return depthwise_grad_whole_vectors<7, 1>(g), true;
    case 23:
      return depthwise_grad_whole_vectors<3, 2>(g), true;
    case 25:
      return depthwise_grad_whole_vectors<5, 2>(g), true;
    case 27:
      return depthwise_grad_whole_vectors<7, 2>(g), true;
    default:
      return false;
  }
}

void depthwise_grad_weight(const DepthwiseGradWeightArgs& g) {
  const bool tiled = depthwise_grad_in_tiles(g);
  for_vectors<kVectorFloats>(
      tiled ? g.channels / kVectorFloats * kVectorFloats : 0, g.channels,
      [&]<int kWidth>(int64_t c) { depthwise_grad_positions<kWidth>(g, c); });
}

template <int kTaps>
inline void dots(const ShiftedDotsArgs& g, int64_t first_tap) {
  using V = Vector<kVectorFloats>;
  const float* x[kTaps];
  V acc[kTaps] = {};
#pragma GCC unroll 16
  for (int k = 0; k < kTaps; ++k) x[k] = g.x + g.offset[first_tap + k];
  for (int64_t i = 0; i < g.elements; i += kVectorFloats) {
    const V d = load<kVectorFloats>(g.dy + i);
#pragma GCC unroll 16
    for (int k = 0; k < kTaps; ++k) acc[k] += d * load<kVectorFloats>(x[k] + i);
  }
  for (int k = 0; k < kTaps; ++k) {
    float lanes[kVectorFloats];
    store<kVectorFloats>(lanes, acc[k]);
    for (int64_t j = 0; j < g.lanes; ++j) {
      float sum = 0;
      for (int64_t lane = j; lane < kVectorFloats; lane += g.interleave) sum += lanes[lane];
      g.dw[j * g.taps + first_tap + k] += sum;
    }
  }
}

void shifted_dots(const ShiftedDotsArgs& g) {
  int64_t k = 0;
  for (; k + 9 <= g.taps; k += 9) dots<9>(g, k);
  for (; k + 7 <= g.taps; k += 7) dots<7>(g, k);
  for (; k + 4 <= g.taps; k += 4) dots<4>(g, k);
  for (; k < g.taps; ++k) dots<1>(g, k);
}
