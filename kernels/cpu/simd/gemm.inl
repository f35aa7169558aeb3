// The register-tiled matrix product that every pass but the depthwise ones is made of.
// A tile is kRows rows of C by kVectors vectors along n; B's vectors are loaded once for all rows,
// A's elements are broadcast. Where a tile has too few accumulators to hide the latency of a
// multiply-add, kUnroll steps of the reduction go into accumulators of their own.

/// `tiles` tiles, one below the other from `row` on, in the panel that begins at `column`.
template <int kWidth, int kRows, int kVectors>
void gemm_tiles(const GemmArgs& g, int64_t row, int64_t tiles, int64_t column) {
  constexpr int kTile = kRows * kVectors;
  constexpr int kUnroll = kTile <= 2 ? 4 : kTile <= 5 ? 2 : 1;
  using V = Vector<kWidth>;
  // Copies: the compiler must assume that a store to c changes g.
  const int64_t outer = g.outer, inner = g.inner, a_m = g.a_m, c_m = g.c_m;
  const int64_t a_inner = g.a_inner, b_inner = g.b_inner;
  const float* bias = g.bias == nullptr ? nullptr : g.bias + column;
  const float* addend = g.addend == nullptr ? nullptr : g.addend + row * c_m + column;
  const Clip clip = clip_of(g.activation);
  const V low = broadcast<kWidth>(clip.low), high = broadcast<kWidth>(clip.high);
  const float* a_tile = g.a + row * a_m;
  float* c = g.c + row * c_m + column;

  for (; tiles > 0; --tiles) {
    V acc[kUnroll][kRows][kVectors] = {};
    if (bias != nullptr) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        const V bv = load<kWidth>(bias + v * kWidth);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) acc[0][r][v] = bv;
      }
    }
    const auto step = [a_m](V(&sum)[kRows][kVectors], const float* a, const float* b) {
      V bv[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) bv[v] = load<kWidth>(b + v * kWidth);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const V av = broadcast<kWidth>(a[r * a_m]);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) sum[r][v] += av * bv[v];
      }
    };
    for (int64_t o = 0; o < outer; ++o) {
      const float* a = a_tile + o * g.a_outer;
      const float* b = g.b + column + o * g.b_outer;
      int64_t i = 0;
      for (; i + kUnroll <= inner; i += kUnroll) {
#pragma GCC unroll 4
        for (int u = 0; u < kUnroll; ++u) {
          step(acc[u], a, b);
          a += a_inner;
          b += b_inner;
        }
      }
      if constexpr (kUnroll > 1) {
        for (; i < inner; ++i) {
          step(acc[0], a, b);
          a += a_inner;
          b += b_inner;
        }
      }
    }
#pragma GCC unroll 4
    for (int u = 1; u < kUnroll; ++u) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[0][r][v] += acc[u][r][v];
      }
    }
    if (addend != nullptr) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) {
          acc[0][r][v] += load<kWidth>(addend + r * c_m + v * kWidth);
        }
      }
      addend += kRows * c_m;
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        store<kWidth>(c + r * c_m + v * kWidth, clipped<kWidth>(acc[0][r][v], low, high));
      }
    }
    a_tile += kRows * a_m;
    c += kRows * c_m;
  }
}

constexpr int max_rows(int vectors) {
  return vectors == 1 ? (kVectorFloats == 16 ? 12 : 8) : kAccumulators / vectors;
}

template <int kWidth, int kVectors, int kRows>
inline void gemm_rows(const GemmArgs& g, int64_t row, int64_t rows, int64_t tiles, int64_t column) {
  if (rows == kRows) {
    gemm_tiles<kWidth, kRows, kVectors>(g, row, tiles, column);
  } else if constexpr (kRows > 1) {
    gemm_rows<kWidth, kVectors, kRows - 1>(g, row, rows, tiles, column);
  }
}

/// All rows of one panel of columns, in tiles whose heights differ by one at most.
template <int kWidth, int kVectors>
void gemm_panel(const GemmArgs& g, int64_t column) {
  constexpr int kMax = max_rows(kVectors);
  const int64_t tiles = (g.m + kMax - 1) / kMax;
  const int64_t rows = g.m / tiles, higher = g.m % tiles;
  if (higher > 0) gemm_rows<kWidth, kVectors, kMax>(g, 0, rows + 1, higher, column);
  gemm_rows<kWidth, kVectors, kMax>(g, higher * (rows + 1), rows, tiles - higher, column);
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
