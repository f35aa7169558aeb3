// Depthwise grad_weight. With many channels a vector runs along them; with few, every channel is a
// plane of its own and a tap is the dot product of two planes, one shifted.

template <int kWidth, int kTaps>
inline void grad_row_tile(const DepthwiseGradRowArgs& g, int64_t first_tap, int64_t channel) {
  using V = Vector<kWidth>;
  // Two sums a tap, for even and odd columns: one chain of multiply-adds would wait for itself.
  V acc[2][kTaps] = {};
  for (int64_t r = 0; r < g.rows; ++r) {
    const float* x = g.x + r * g.x_row + first_tap * g.channels + channel;
    const float* dy = g.dy + r * g.dy_row + channel;
    int64_t q = 0;
    for (; q + 2 <= g.cols; q += 2) {
#pragma GCC unroll 2
      for (int u = 0; u < 2; ++u) {
        const V d = load<kWidth>(dy);
#pragma GCC unroll 8
        for (int k = 0; k < kTaps; ++k) acc[u][k] += d * load<kWidth>(x + k * g.channels);
        x += g.x_col;
        dy += g.channels;
      }
    }
    if (q < g.cols) {
      const V d = load<kWidth>(dy);
#pragma GCC unroll 8
      for (int k = 0; k < kTaps; ++k) acc[0][k] += d * load<kWidth>(x + k * g.channels);
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < kTaps; ++k) {
    float* dw = g.dw + (first_tap + k) * g.channels + channel;
    store<kWidth>(dw, load<kWidth>(dw) + (acc[0][k] + acc[1][k]));
  }
}

void depthwise_grad_row(const DepthwiseGradRowArgs& g) {
  for_vectors<kVectorFloats>(0, g.channels, [&]<int kWidth>(int64_t c) {
    int64_t tap = 0;
    for (; tap + 5 <= g.taps; tap += 5) grad_row_tile<kWidth, 5>(g, tap, c);
    for (; tap + 3 <= g.taps; tap += 3) grad_row_tile<kWidth, 3>(g, tap, c);
    for (; tap < g.taps; ++tap) grad_row_tile<kWidth, 1>(g, tap, c);
  });
}

template <int kTaps>
inline void dots(const float* x, const int64_t* offset, const float* dy, int64_t elements,
                 float* sums) {
  using V = Vector<kVectorFloats>;
  V acc[kTaps] = {};
  for (int64_t i = 0; i < elements; i += kVectorFloats) {
    const V d = load<kVectorFloats>(dy + i);
#pragma GCC unroll 16
    for (int k = 0; k < kTaps; ++k) acc[k] += d * load<kVectorFloats>(x + offset[k] + i);
  }
#pragma GCC unroll 16
  for (int k = 0; k < kTaps; ++k) {
    float sum = 0;
#pragma GCC unroll 16
    for (int lane = 0; lane < kVectorFloats; ++lane) sum += acc[k][lane];
    sums[k] += sum;
  }
}

void shifted_dots(const float* x, const int64_t* offset, int64_t taps, const float* dy,
                  int64_t elements, float* sums) {
  int64_t k = 0;
  for (; k + 9 <= taps; k += 9) dots<9>(x, offset + k, dy, elements, sums + k);
  for (; k + 5 <= taps; k += 5) dots<5>(x, offset + k, dy, elements, sums + k);
  for (; k + 2 <= taps; k += 2) dots<2>(x, offset + k, dy, elements, sums + k);
  for (; k < taps; ++k) dots<1>(x, offset + k, dy, elements, sums + k);
}
