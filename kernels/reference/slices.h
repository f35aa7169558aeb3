// What is done with a packed dw: SGD on the slices of the whole weight that it stands for, and the
// L2 norm of each slice (docs/method.md section 1: n_c).
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/backend.h"
#include "kernels/shape_check.h"

namespace trady::kernels::reference {

/// visit(packed index into dw, index into the whole weight) for every element of the slices. A
/// slice is one column of [C'][k][k][C] (input channel) or one contiguous row (output channel,
/// depthwise).
template <typename Visit>
void for_each_slice_element(const ConvShape& s, SliceKind kind, ChannelList channels,
                            const Visit& visit) {
  int64_t packed = 0;
  const auto channel = [&](int64_t j) { return channels.index ? channels.index[j] : j; };
  if (kind == SliceKind::input_channels && !s.depthwise) {
    for (int64_t row = 0; row < s.out_c * s.taps(); ++row) {
      for (int64_t j = 0; j < channels.count; ++j) {
        visit(packed++, row * s.in_c + channel(j));
      }
    }
  } else {
    const int64_t row_elements = s.depthwise ? s.taps() : s.taps() * s.in_c;
    for (int64_t j = 0; j < channels.count; ++j) {
      for (int64_t i = 0; i < row_elements; ++i) {
        visit(packed++, channel(j) * row_elements + i);
      }
    }
  }
}

template <typename T>
void sgd(const ConvShape& shape, const SgdArgs& args) {
  check_slices(shape, args.kind, args.channels.count);
  if (args.control->updates == 0) return;
  T* w = static_cast<T*>(args.w);
  T* velocity = static_cast<T*>(args.velocity);
  const T* dw = static_cast<const T*>(args.dw);
  const T* row_scale = static_cast<const T*>(args.row_scale);
  const int64_t row_elements = shape.weight_elements() / shape.out_c;
  for_each_slice_element(shape, args.kind, args.channels, [&](int64_t packed, int64_t whole) {
    double step = args.control->gradient_scale * static_cast<double>(dw[packed]) +
                  args.weight_decay * static_cast<double>(w[whole]);
    if (velocity) {
      step += args.momentum * static_cast<double>(velocity[whole]);
      velocity[whole] = static_cast<T>(step);
    }
    double rate = args.control->learning_rate;
    if (row_scale) rate *= static_cast<double>(row_scale[whole / row_elements]);
    w[whole] = static_cast<T>(static_cast<double>(w[whole]) - rate * step);
  });
}

template <typename T>
void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const T* dw,
                 double* norms) {
  check_slices(shape, kind, count);
  const bool slices_are_columns = kind == SliceKind::input_channels && !shape.depthwise;
  const int64_t slice_elements = kind == SliceKind::input_channels
                                     ? shape.weights_per_input_channel()
                                     : shape.weight_elements() / shape.out_c;
  for (int64_t j = 0; j < count; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < slice_elements; ++i) {
      const double v =
          static_cast<double>(slices_are_columns ? dw[i * count + j] : dw[j * slice_elements + i]);
      sum += v * v;
    }
    norms[j] = std::sqrt(sum);
  }
}

}  // namespace trady::kernels::reference
