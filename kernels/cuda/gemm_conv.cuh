// y[m, n] = sum over k of a[m, k] w[k, n]: the matrix product inside forward and grad_input, with a
// gathered through the window as it is copied (implicit GEMM, k = (tap, channel)).
//   forward:    m = output position, k = (tap, input channel),  n = output channel, w[n][k]
//   grad_input: m = input position,  k = (tap, output channel), n = input channel,  w[o][tap][n]
// A block makes 128 rows of up to 64 columns; each of its 4 warps 32 rows. Epilogue says what
// becomes of the sums. Floor: the bytes of a and y, each once where n <= 64.
#pragma once

#include "kernels/cuda/device/async_copy.cuh"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/gemm_tile.cuh"
#include "kernels/cuda/window.cuh"

namespace trady::kernels::cuda {

enum class Pass { forward, grad_input };

struct GemmConv {
  static constexpr int kRows = 128;
  static constexpr int kDepth = 16;
  static constexpr int kThreads = 128;
  static constexpr int kStages = 3;
  static constexpr int kPitch = kDepth + 4;  // of tiles whose rows run along k

  const float* a;           // [positions read, channels]
  const float* w;           // [out_c][taps][in_c]
  int rows, columns;        // positions written, channels written
  int channels, depth;      // channels read; depth = taps * channels
  bool vector_a, vector_w;  // 16-byte copies
  Window window;
};

template <Pass kPass, int kColumns>
struct GemmConvTile {
  /// Rows of w run along k in forward, along n in grad_input.
  static constexpr bool kWeightAlongDepth = kPass == Pass::forward;
  static constexpr int kWeightPitch = kWeightAlongDepth ? GemmConv::kPitch
                                      : kColumns == 8   ? 8
                                                        : kColumns + 8;
  static constexpr int kWeightRows = kWeightAlongDepth ? kColumns : GemmConv::kDepth;
  using LayoutA = OperandLayout<GemmConv::kPitch, 1>;
  using LayoutW =
      OperandLayout<kWeightAlongDepth ? kWeightPitch : 1, kWeightAlongDepth ? 1 : kWeightPitch>;
  struct Stage {
    float a[GemmConv::kRows][GemmConv::kPitch];
    float w[kWeightRows][kWeightPitch];
  };
  Stage stages[GemmConv::kStages];
};

/// The position of `a` that `row` reads through `tap`, or -1.
template <Pass kPass>
__device__ __forceinline__ int position_read(const Window& window, const Position& row, int tap) {
  const int ky = tap / window.kernel, kx = tap % window.kernel;
  return kPass == Pass::forward ? input_position(window, row, ky, kx)
                                : output_position(window, row, ky, kx);
}

/// Four neighbours along k of 32 rows a thread apart: 4 threads copy the 64 bytes of a row.
template <Pass kPass>
__device__ void load_rows(const GemmConv& g, int row0, int k0, float (*to)[GemmConv::kPitch]) {
  const int thread = static_cast<int>(threadIdx.x);
  const int offset = thread % 4 * 4;
  const int height = kPass == Pass::forward ? g.window.out_h : g.window.in_h;
  const int width = kPass == Pass::forward ? g.window.out_w : g.window.in_w;
  for (int r = thread / 4; r < GemmConv::kRows; r += GemmConv::kThreads / 4) {
    const int row = row0 + r;
    const auto address = [&](int k) -> const float* {
      if (row >= g.rows || k >= g.depth) return nullptr;
      if (g.window.is_pointwise()) return g.a + static_cast<int64_t>(row) * g.channels + k;
      const int position =
          position_read<kPass>(g.window, Position(row, height, width), k / g.channels);
      return position < 0 ? nullptr
                          : g.a + static_cast<int64_t>(position) * g.channels + k % g.channels;
    };
    if (g.vector_a) {
      const float* from = address(k0 + offset);
      async_copy16(&to[r][offset], from == nullptr ? g.a : from, from != nullptr);
    } else {
      for (int i = 0; i < 4; ++i) {
        const float* from = address(k0 + offset + i);
        async_copy4(&to[r][offset + i], from == nullptr ? g.a : from, from != nullptr);
      }
    }
  }
}

template <Pass kPass, int kColumns>
__device__ void load_weight(const GemmConv& g, int col0, int k0,
                            typename GemmConvTile<kPass, kColumns>::Stage& stage) {
  constexpr bool kAlongDepth = kPass == Pass::forward;
  constexpr int kRow = kAlongDepth ? GemmConv::kDepth : kColumns;  // floats of a row of the tile
  constexpr int kRows = kAlongDepth ? kColumns : GemmConv::kDepth;
  const auto copy = [&](int r, int i, bool vector) {
    const int k = k0 + (kAlongDepth ? i : r);
    const int n = col0 + (kAlongDepth ? r : i);
    const bool valid = k < g.depth && n < g.columns;
    int64_t from = 0;
    if (valid && kAlongDepth) from = static_cast<int64_t>(n) * g.depth + k;
    if (valid && !kAlongDepth) {
      const int taps = g.window.kernel * g.window.kernel;
      from = static_cast<int64_t>(k % g.channels * taps + k / g.channels) * g.columns + n;
    }
    if (vector) {
      async_copy16(&stage.w[r][i], g.w + from, valid);
    } else {
      async_copy4(&stage.w[r][i], g.w + from, valid);
    }
  };
  const int thread = static_cast<int>(threadIdx.x);
  if (g.vector_w) {
    for (int i = thread; i < kRows * kRow / 4; i += GemmConv::kThreads) {
      copy(i / (kRow / 4), i % (kRow / 4) * 4, true);
    }
  } else {
    for (int i = thread; i < kRows * kRow; i += GemmConv::kThreads) copy(i / kRow, i % kRow, false);
  }
}

/// Grid: (row tiles, column tiles). epilogue(row, column, sum, sum of the next column): called by
/// all lanes of a warp together, also for rows and columns beyond the ends.
template <Pass kPass, Precision kPrecision, int kColumns, typename Epilogue>
__global__ void __launch_bounds__(GemmConv::kThreads, 3)
    gemm_conv_kernel(GemmConv g, Epilogue epilogue) {
  using Tile = GemmConvTile<kPass, kColumns>;
  Tile& tile = shared_memory<Tile>();
  const int row0 = static_cast<int>(blockIdx.x) * GemmConv::kRows;
  const int col0 = static_cast<int>(blockIdx.y) * kColumns;
  const int chunks = (g.depth + GemmConv::kDepth - 1) / GemmConv::kDepth;
  const int warp_row = static_cast<int>(threadIdx.x) / 32 * 32;
  const auto load = [&](int chunk) {
    if (chunk < chunks) {
      auto& stage = tile.stages[chunk % GemmConv::kStages];
      load_rows<kPass>(g, row0, chunk * GemmConv::kDepth, stage.a);
      load_weight<kPass, kColumns>(g, col0, chunk * GemmConv::kDepth, stage);
    }
    async_commit();
  };

  WarpSums<2, kColumns / 8> sums = {};
  for (int chunk = 0; chunk < GemmConv::kStages - 1; ++chunk) load(chunk);
  for (int chunk = 0; chunk < chunks; ++chunk) {
    async_wait<GemmConv::kStages - 2>();
    __syncthreads();  // this chunk is there, and nobody reads the stage that is filled next
    load(chunk + GemmConv::kStages - 1);
    const auto& stage = tile.stages[chunk % GemmConv::kStages];
#pragma unroll
    for (int k = 0; k < GemmConv::kDepth; k += 8) {
      multiply_step<kPrecision, typename Tile::LayoutA, typename Tile::LayoutW>(
          &stage.a[warp_row][k], &stage.w[0][0] + k * Tile::LayoutW::depth, sums);
    }
  }
  async_wait<0>();

  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = row0 + warp_row + 16 * m + 8 * half + lane / 4;
#pragma unroll
      for (int n = 0; n < kColumns / 8; ++n) {
        epilogue(row, col0 + 8 * n + 2 * (lane % 4), sums[m][n][2 * half],
                 sums[m][n][2 * half + 1]);
      }
    }
  }
}

/// Chooses the width of the tile and the arithmetic; `name` is for errors.
template <Pass kPass, typename Epilogue>
void launch_gemm_conv(const char* name, const GemmConv& g, Precision precision,
                      const Epilogue& epilogue, cudaStream_t stream) {
  const auto start = [&]<Precision kPrecision, int kColumns>() {
    const dim3 grid(static_cast<unsigned>((g.rows + GemmConv::kRows - 1) / GemmConv::kRows),
                    static_cast<unsigned>((g.columns + kColumns - 1) / kColumns));
    launch({name, grid, dim3(GemmConv::kThreads), sizeof(GemmConvTile<kPass, kColumns>), stream},
           gemm_conv_kernel<kPass, kPrecision, kColumns, Epilogue>, g, epilogue);
  };
  const auto with_columns = [&]<Precision kPrecision>() {
    if (g.columns <= 8) {
      start.template operator()<kPrecision, 8>();
    } else if (g.columns <= 32) {
      start.template operator()<kPrecision, 32>();
    } else {
      start.template operator()<kPrecision, 64>();
    }
  };
  if (precision == Precision::tf32) {
    with_columns.template operator()<Precision::tf32>();
  } else {
    with_columns.template operator()<Precision::fp32>();
  }
}

}  // namespace trady::kernels::cuda
