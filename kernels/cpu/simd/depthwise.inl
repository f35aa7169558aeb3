// Depthwise forward and grad_input: vectors along channels, a few neighbouring positions a tile,
// and the taps as a list, so that borders, strides and kernel sizes are all the same loop.

template <int kWidth, int kPositions, int kVectors>
inline void depthwise_tile(const DepthwiseArgs& d, int64_t position, int64_t channel) {
  using V = Vector<kWidth>;
  V acc[kPositions][kVectors] = {};
  const float* in = d.in + position * d.in_step + channel;
  const float* weight = d.weight + channel;
  for (int64_t k = 0; k < d.taps; ++k) {
    const float* x = in + d.in_offset[k];
    const float* w = weight + d.weight_offset[k];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const V wv = load<kWidth>(w + v * kWidth);
#pragma GCC unroll 8
      for (int t = 0; t < kPositions; ++t) {
        acc[t][v] += wv * load<kWidth>(x + t * d.in_step + v * kWidth);
      }
    }
  }
  const int64_t first = position * d.out_step + channel;
#pragma GCC unroll 8
  for (int t = 0; t < kPositions; ++t) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = first + t * d.out_step + v * kWidth;
      V sum = acc[t][v];
      if (d.bias != nullptr) sum += load<kWidth>(d.bias + channel + v * kWidth);
      if (d.addend != nullptr) sum += load<kWidth>(d.addend + at);
      store<kWidth>(d.out + at, activate<kWidth>(sum, d.activation));
    }
  }
}

template <int kPositions, int kVectors>
void depthwise_positions(const DepthwiseArgs& d, int64_t position) {
  constexpr int64_t kBlock = kVectors * kVectorFloats;
  int64_t channel = 0;
  for (; channel + kBlock <= d.channels; channel += kBlock) {
    depthwise_tile<kVectorFloats, kPositions, kVectors>(d, position, channel);
  }
  for_vectors<kVectorFloats>(channel, d.channels, [&]<int kWidth>(int64_t c) {
    depthwise_tile<kWidth, kPositions, 1>(d, position, c);
  });
}

void depthwise(const DepthwiseArgs& d) {
  int64_t position = 0;
  for (; position + 4 <= d.positions; position += 4) depthwise_positions<4, 2>(d, position);
  for (; position + 2 <= d.positions; position += 2) depthwise_positions<2, 4>(d, position);
  for (; position < d.positions; ++position) depthwise_positions<1, 4>(d, position);
}
