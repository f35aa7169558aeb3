// Where the elements of a packed dw lie in it and in the whole weight.
#pragma once

#include "kernels/cuda/device/runtime.cuh"
#include "kernels/types.h"

namespace trady::kernels::cuda {

/// Slices are columns of [C'][k][k][C] (input channels), or contiguous rows (output channels,
/// depthwise).
struct SliceLayout {
  bool columns;
  int64_t count;           ///< slices
  int64_t slice_elements;  ///< of one slice
  int64_t in_c;

  SliceLayout(const ConvShape& s, SliceKind kind, int64_t slice_count)
      : columns(kind == SliceKind::input_channels && !s.depthwise),
        count(slice_count),
        slice_elements(columns       ? s.out_c * s.taps()
                       : s.depthwise ? s.taps()
                                     : s.taps() * s.in_c),
        in_c(s.in_c) {}

  /// Index in the whole weight of element i of the packed dw.
  __device__ int64_t whole_index(int64_t i, const int32_t* channels) const {
    return columns ? i / count * in_c + channels[i % count]
                   : channels[i / slice_elements] * slice_elements + i % slice_elements;
  }
};

}  // namespace trady::kernels::cuda
