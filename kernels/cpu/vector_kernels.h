// The inner loops that are compiled once for each instruction set, and chosen at run time.
//
// Only plain structs and function pointers cross this header: the files behind it are compiled with
// flags such as -mavx512f, and an inline function of theirs that the linker kept for the whole
// program would crash an older CPU.
#pragma once

#include <cstdint>

#include "kernels/cpu/isa.h"
#include "kernels/types.h"

namespace trady::kernels::cpu {

/// C[m][n] = activation(sum over (o, i) of A[m][o, i] * B[o, i][n] + bias[n] + addend[m][n]).
/// The reduction index is a pair (o, i), so that a window of an image can be reduced over in place.
/// B, C, bias and addend are contiguous along n; every other stride is given, in elements.
struct GemmArgs {
  int64_t m = 0, n = 0;
  int64_t outer = 1, inner = 0;  ///< extents of o and i
  const float* a = nullptr;
  int64_t a_m = 0, a_outer = 0, a_inner = 0;
  const float* b = nullptr;
  int64_t b_outer = 0, b_inner = 0;
  float* c = nullptr;
  int64_t c_m = 0;
  const float* bias = nullptr;    ///< or null
  const float* addend = nullptr;  ///< strides of c; null: none; c itself: accumulate
  Activation activation = Activation::none;
};

/// out[t][c] = activation(bias[c] + sum over rows r and taps k of
///                        in_row[r][(in_first + t * in_step + k) * channels + c] *
///                        weight_row[r][k * weight_step + c] + addend[t][c]),  t < positions,
/// without the taps whose input index lies outside of [0, in_count).
struct DepthwiseArgs {
  int64_t positions = 0, channels = 0;
  int64_t rows = 0, taps = 0;
  const float* const* in_row = nullptr;
  int64_t in_first = 0, in_step = 1, in_count = 0;
  const float* const* weight_row = nullptr;
  int64_t weight_step = 0;  ///< negative where taps meet the inputs in descending order
  float* out = nullptr;
  int64_t out_step = 0;
  const float* bias = nullptr;    ///< or null
  const float* addend = nullptr;  ///< steps of out; null: none; out itself: accumulate
  Activation activation = Activation::none;
};

/// dw[j][k] += sum over i of x[offset[k] + i * interleave + j] * dy[i * interleave + j].
/// `interleave` divides vector_floats; of that many lanes the first `lanes` are wanted.
struct ShiftedDotsArgs {
  const float* x = nullptr;
  const int64_t* offset = nullptr;  ///< [taps]
  int64_t taps = 0;
  const float* dy = nullptr;
  int64_t elements = 0;  ///< floats of dy, a multiple of 16
  int64_t interleave = 1, lanes = 1;
  float* dw = nullptr;  ///< [lanes][taps]
};

/// sums[r][k][c] += sum over t of x_row[r][(in_first + t * in_step + k) * channels + c] *
///                              dy[t * dy_step + c],  t < positions, k < taps,
/// without the x whose index lies outside of [0, in_count).
struct DepthwiseGradWeightArgs {
  int64_t positions = 0, channels = 0;
  int64_t rows = 0, taps = 0;
  const float* const* x_row = nullptr;
  int64_t in_first = 0, in_step = 1, in_count = 0;
  const float* dy = nullptr;
  int64_t dy_step = 0;
  float* const* sums = nullptr;  ///< of each r: [taps][channels]
};

/// Some columns of row-major matrices whose rows are `step` floats apart: channels of a batch-norm
/// at all positions. What belongs to a column alone is contiguous.
struct Columns {
  int64_t rows = 0, columns = 0, step = 0;
};

/// y = activation((z - mean) * slope + offset + addend). `addend` may be null, or y itself.
struct NormalizeArgs {
  Columns shape;
  const float *z = nullptr, *mean = nullptr, *slope = nullptr, *offset = nullptr;
  const float* addend = nullptr;
  Activation activation = Activation::none;
  float* y = nullptr;
  uint8_t* mask = nullptr;  ///< as write_mask of y; null: none, as where step is no multiple of 8
};

/// dz = slope * (dy - shift - (z - mean) * tilt). `dz` may be dy.
struct NormalizeGradArgs {
  Columns shape;
  const float *z = nullptr, *mean = nullptr, *dy = nullptr;
  const float *slope = nullptr, *shift = nullptr, *tilt = nullptr;
  float* dz = nullptr;
};

struct VectorKernels {
  int vector_floats;
  void (*gemm)(const GemmArgs& args);
  void (*depthwise)(const DepthwiseArgs& args);
  void (*depthwise_grad_weight)(const DepthwiseGradWeightArgs& args);
  void (*shifted_dots)(const ShiftedDotsArgs& args);
  void (*clip)(float* y, int64_t elements, Activation activation);
  /// Bit i of mask = y[i] > 0 (relu) or 0 < y[i] < 6 (relu6); none: all ones.
  void (*write_mask)(const float* y, int64_t elements, Activation activation, uint8_t* mask);
  void (*apply_mask)(float* dy, const uint8_t* mask, int64_t elements);
  void (*add)(const float* x, int64_t elements, float* out);
  void (*column_sums)(const float* x, int64_t rows, int64_t columns, float* sums);
  /// Of every column the sums of x - origin and of its square, in double.
  void (*column_moments)(const Columns& shape, const float* x, const float* origin, double* sums,
                         double* squares);
  /// Of every column the sums of dy and of dy * (z - mean), in double.
  void (*column_products)(const Columns& shape, const float* dy, const float* z, const float* mean,
                          double* sums, double* products);
  void (*normalize)(const NormalizeArgs& args);
  void (*normalize_grad)(const NormalizeGradArgs& args);
};

/// The kernels of one level. Calling them on a CPU without that level is an illegal instruction.
const VectorKernels& vector_kernels(Isa isa);

/// The kernels of active_isa().
const VectorKernels& vector_kernels();

}  // namespace trady::kernels::cpu
