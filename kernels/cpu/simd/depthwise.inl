// Depthwise forward and grad_input: vectors along channels, a tile of neighbouring positions at a
// time. Along a row of the kernel the taps meet neighbouring inputs, so one loaded input serves
// several positions; rows of the kernel are a list, which makes strides and both passes the same
// loop. A tile at an edge of the image skips the inputs that lie in the padding.

template <int kTaps, int kStep, int kPositions, bool kEdge>
inline void depthwise_tile(const DepthwiseArgs& d, int64_t position, int64_t channel) {
  constexpr int kW = kVectorFloats;
  using V = Vector<kW>;
  const int64_t channels = d.channels;
  const int64_t start = d.in_first + position * kStep;
  const int64_t end = d.in_count - start;
  V acc[kPositions];
  const V initial = d.bias == nullptr ? V{} : load<kW>(d.bias + channel);
#pragma GCC unroll 8
  for (int t = 0; t < kPositions; ++t) acc[t] = initial;
  for (int64_t row = 0; row < d.rows; ++row) {
    const float* x = d.in_row[row] + start * channels + channel;
    const float* weight = d.weight_row[row] + channel;
    V w[kTaps];
#pragma GCC unroll 8
    for (int k = 0; k < kTaps; ++k) w[k] = load<kW>(weight + k * d.weight_step);
#pragma GCC unroll 32
    for (int i = 0; i < (kPositions - 1) * kStep + kTaps; ++i) {
      if (kEdge && (i < -start || i >= end)) continue;
      const V xv = load<kW>(x + i * channels);
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
    for (int t = 0; t < kPositions; ++t) acc[t] += load<kW>(d.addend + first + t * d.out_step);
  }
  const Clip clip = clip_of(d.activation);
  const V low = broadcast<kW>(clip.low), high = broadcast<kW>(clip.high);
  float* out = d.out + first;
#pragma GCC unroll 8
  for (int t = 0; t < kPositions; ++t) {
    store<kW>(out, clipped<kW>(acc[t], low, high));
    out += d.out_step;
  }
}

/// The same for one position, any step and any number of taps.
template <int kWidth>
void depthwise_position(const DepthwiseArgs& d, int64_t position, int64_t channel) {
  using V = Vector<kWidth>;
  const int64_t start = d.in_first + position * d.in_step;
  const int64_t begin = start < 0 ? -start : 0;
  const int64_t end = d.in_count - start < d.taps ? d.in_count - start : d.taps;
  V acc = d.bias == nullptr ? V{} : load<kWidth>(d.bias + channel);
  for (int64_t row = 0; row < d.rows; ++row) {
    const float* x = d.in_row[row] + start * d.channels + channel;
    const float* weight = d.weight_row[row] + channel;
    for (int64_t k = begin; k < end; ++k) {
      acc += load<kWidth>(weight + k * d.weight_step) * load<kWidth>(x + k * d.channels);
    }
  }
  const Clip clip = clip_of(d.activation);
  const int64_t at = position * d.out_step + channel;
  if (d.addend != nullptr) acc += load<kWidth>(d.addend + at);
  store<kWidth>(d.out + at,
                clipped<kWidth>(acc, broadcast<kWidth>(clip.low), broadcast<kWidth>(clip.high)));
}

/// `channels` channels of kPositions positions, as far as whole vectors go.
template <int kTaps, int kStep, int kPositions>
void depthwise_positions(const DepthwiseArgs& d, int64_t position) {
  const int64_t start = d.in_first + position * kStep;
  const bool edge = start < 0 || start + (kPositions - 1) * kStep + kTaps > d.in_count;
  int64_t c = 0;
  if (edge) {
    for (; c + kVectorFloats <= d.channels; c += kVectorFloats) {
      depthwise_tile<kTaps, kStep, kPositions, true>(d, position, c);
    }
  } else {
    for (; c + kVectorFloats <= d.channels; c += kVectorFloats) {
      depthwise_tile<kTaps, kStep, kPositions, false>(d, position, c);
    }
  }
}

template <int kTaps, int kStep>
void depthwise_whole_vectors(const DepthwiseArgs& d) {
  int64_t p = 0;
  for (; p + 8 <= d.positions; p += 8) depthwise_positions<kTaps, kStep, 8>(d, p);
  for (; p + 4 <= d.positions; p += 4) depthwise_positions<kTaps, kStep, 4>(d, p);
  for (; p + 2 <= d.positions; p += 2) depthwise_positions<kTaps, kStep, 2>(d, p);
  for (; p < d.positions; ++p) depthwise_positions<kTaps, kStep, 1>(d, p);
}

/// Whether there is a tile for these taps and steps: forward with kernels 3, 5 and 7 and strides 1
/// and 2, and their grad_input (which with stride 2 sees every other tap).
bool depthwise_in_tiles(const DepthwiseArgs& d) {
  switch (d.in_step * 10 + d.taps) {
    case 11:
      return depthwise_whole_vectors<1, 1>(d), true;
    case 12:
      return depthwise_whole_vectors<2, 1>(d), true;
    case 13:
      return depthwise_whole_vectors<3, 1>(d), true;
    case 14:
      return depthwise_whole_vectors<4, 1>(d), true;
    case 15:
      return depthwise_whole_vectors<5, 1>(d), true;
    case 17:
      return depthwise_whole_vectors<7, 1>(d), true;
    case 23:
      return depthwise_whole_vectors<3, 2>(d), true;
    case 25:
      return depthwise_whole_vectors<5, 2>(d), true;
    case 27:
      return depthwise_whole_vectors<7, 2>(d), true;
    default:
      return false;
  }
}

void depthwise(const DepthwiseArgs& d) {
  const bool tiled = depthwise_in_tiles(d);
  const int64_t first = tiled ? d.channels / kVectorFloats * kVectorFloats : 0;
  if (first == d.channels) return;
  for (int64_t position = 0; position < d.positions; ++position) {
    for_vectors<kVectorFloats>(first, d.channels, [&]<int kWidth>(int64_t c) {
      depthwise_position<kWidth>(d, position, c);
    });
  }
}
