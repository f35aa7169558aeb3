// The register-tiled matrix product that every pass but the depthwise ones is made of.
// A tile is kRows rows of C by kVectors vectors along n; B's vectors are loaded once for all rows,
// A's elements are broadcast. Where a tile has too few accumulators to hide the latency of a
// multiply-add, kUnroll steps of the reduction go into accumulators of their own.

template <int kWidth, int kRows, int kVectors>
void gemm_tile(const GemmArgs& g, int64_t row, int64_t column) {
  constexpr int kTile = kRows * kVectors;
  constexpr int kUnroll = kTile <= 2 ? 4 : kTile <= 5 ? 2 : 1;
  using V = Vector<kWidth>;
  V acc[kUnroll][kRows][kVectors] = {};
  const auto step = [&](V(&sum)[kRows][kVectors], const float* a, const float* b) {
    V bv[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) bv[v] = load<kWidth>(b + v * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V av = broadcast<kWidth>(a[r * g.a_m]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] += av * bv[v];
    }
  };
  for (int64_t o = 0; o < g.outer; ++o) {
    const float* a = g.a + row * g.a_m + o * g.a_outer;
    const float* b = g.b + column + o * g.b_outer;
    int64_t i = 0;
    for (; i + kUnroll <= g.inner; i += kUnroll) {
#pragma GCC unroll 4
      for (int u = 0; u < kUnroll; ++u) {
        step(acc[u], a, b);
        a += g.a_inner;
        b += g.b_inner;
      }
    }
    if constexpr (kUnroll > 1) {
      for (; i < g.inner; ++i) {
        step(acc[0], a, b);
        a += g.a_inner;
        b += g.b_inner;
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const int64_t n = column + v * kWidth;
      V sum = acc[0][r][v];
#pragma GCC unroll 4
      for (int u = 1; u < kUnroll; ++u) sum += acc[u][r][v];
      if (g.bias != nullptr) sum += load<kWidth>(g.bias + n);
      if (g.addend != nullptr) sum += load<kWidth>(g.addend + (row + r) * g.c_m + n);
      store<kWidth>(g.c + (row + r) * g.c_m + n, activate<kWidth>(sum, g.activation));
    }
  }
}

constexpr int max_rows(int vectors) {
  return vectors == 1 ? (kVectorFloats == 16 ? 12 : 8) : kAccumulators / vectors;
}

template <int kWidth, int kVectors, int kRows>
inline void gemm_rows(const GemmArgs& g, int64_t row, int64_t rows, int64_t column) {
  if (rows == kRows) {
    gemm_tile<kWidth, kRows, kVectors>(g, row, column);
  } else if constexpr (kRows > 1) {
    gemm_rows<kWidth, kVectors, kRows - 1>(g, row, rows, column);
  }
}

/// All rows of one panel of columns, in tiles of nearly equal height.
template <int kWidth, int kVectors>
void gemm_panel(const GemmArgs& g, int64_t column) {
  constexpr int kMax = max_rows(kVectors);
  int64_t tiles = (g.m + kMax - 1) / kMax;
  for (int64_t row = 0; tiles > 0; --tiles) {
    const int64_t rows = (g.m - row + tiles - 1) / tiles;
    gemm_rows<kWidth, kVectors, kMax>(g, row, rows, column);
    row += rows;
  }
}

/// Half cycles that tiles of `vectors` vectors need for one vector of columns: two multiply-adds
/// and two loads a cycle, whichever is the narrower.
inline double cost_of_panel(int64_t m, int vectors) {
  const int64_t tiles = (m + max_rows(vectors) - 1) / max_rows(vectors);
  const int64_t work = m * vectors;
  const int64_t loads = m + tiles * vectors;
  return static_cast<double>(work > loads ? work : loads) / vectors;
}

void gemm(const GemmArgs& g) {
  constexpr int kW = kVectorFloats;
  if (g.m == 0) return;
  int64_t column = 0;
  int64_t vectors = g.n / kW;
  const int preferred = cost_of_panel(g.m, 3) < cost_of_panel(g.m, 2) ? 3 : 2;
  while (vectors > 0) {
    // 4 = 2 + 2: a panel of one vector is the least efficient and comes only where there is no way.
    int take = preferred;
    if (vectors == 4 || vectors == 2) take = 2;
    if (vectors == 3) take = 3;
    if (vectors == 1) take = 1;
    if (take == 3) {
      gemm_panel<kW, 3>(g, column);
    } else if (take == 2) {
      gemm_panel<kW, 2>(g, column);
    } else {
      gemm_panel<kW, 1>(g, column);
    }
    column += take * kW;
    vectors -= take;
  }
  if constexpr (kW > 8) {
    if (column + 8 <= g.n) {
      gemm_panel<8, 1>(g, column);
      column += 8;
    }
  }
  if constexpr (kW > 4) {
    if (column + 4 <= g.n) {
      gemm_panel<4, 1>(g, column);
      column += 4;
    }
  }
  for (; column < g.n; ++column) gemm_panel<1, 1>(g, column);
}
