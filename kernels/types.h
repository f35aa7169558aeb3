// The small structs that every kernel contract is written in. No engine type appears here.
#pragma once

#include <cstdint>

namespace trady::kernels {

enum class DType { float32, float64 };

constexpr int64_t bytes_of(DType type) {
  return type == DType::float32 ? 4 : 8;
}

enum class Activation { none, relu, relu6 };

/// Whether a gradient kernel stores (`=`) or adds to (`+=`) what its output already holds.
enum class GradientMode { overwrite, accumulate };

/// Geometry of a 2-D convolution with a square kernel. Activations are NHWC.
/// Weights are [out_c][kernel][kernel][in_c]; depthwise [out_c][kernel][kernel], in_c == out_c.
/// A linear layer is the same thing with kernel 1 on a 1 x 1 image.
struct ConvShape {
  int64_t batch = 1;
  int64_t in_h = 1, in_w = 1, in_c = 1;
  int64_t out_c = 1;
  int64_t kernel = 1, stride = 1, padding = 0;
  bool depthwise = false;

  int64_t out_h() const { return (in_h + 2 * padding - kernel) / stride + 1; }
  int64_t out_w() const { return (in_w + 2 * padding - kernel) / stride + 1; }
  int64_t taps() const { return kernel * kernel; }
  int64_t in_positions() const { return batch * in_h * in_w; }
  int64_t out_positions() const { return batch * out_h() * out_w(); }
  int64_t in_elements() const { return in_positions() * in_c; }
  int64_t out_elements() const { return out_positions() * out_c; }
  /// Weights of one input channel: C' D^2, depthwise D^2.
  int64_t weights_per_input_channel() const { return depthwise ? taps() : out_c * taps(); }
  int64_t weight_elements() const { return in_c * weights_per_input_channel(); }
  /// Multiply-adds of the dense pass, padding taps included (as the paper counts); the same for
  /// forward, grad_input and grad_weight.
  int64_t multiply_adds() const { return weight_elements() * out_positions(); }

  bool operator==(const ConvShape&) const = default;
};

/// Max pooling with a square window over NHWC; the padding never wins.
struct MaxPoolShape {
  static constexpr int64_t kWidestWindow = 15;  ///< one byte tells which of its elements won
  int64_t batch = 1;
  int64_t in_h = 1, in_w = 1, channels = 1;
  int64_t kernel = 1, stride = 1, padding = 0;  ///< padding <= kernel / 2
  int64_t out_h() const { return (in_h + 2 * padding - kernel) / stride + 1; }
  int64_t out_w() const { return (in_w + 2 * padding - kernel) / stride + 1; }
};

/// Every stride-th pixel, with channels of zeros around it: the parameter-free shortcut of the
/// CIFAR ResNets (He et al., CVPR 2016, option A).
struct ShortcutShape {
  int64_t batch = 1;
  int64_t in_h = 1, in_w = 1, in_c = 1;
  int64_t stride = 1;
  int64_t out_c = 1, first_c = 0;  ///< x's channel c is y's channel first_c + c
  int64_t out_h() const { return (in_h - 1) / stride + 1; }
  int64_t out_w() const { return (in_w - 1) / stride + 1; }
};

/// Which part of a layer's weight a gradient is computed for.
enum class SliceKind {
  input_channels,   ///< W[:, c] for the listed c; depthwise W[c]
  output_channels,  ///< W[o, :] for the listed o; depthwise W[o]
};

/// Ascending channel indices without duplicates. Not owned.
struct ChannelList {
  const int32_t* index = nullptr;
  int64_t count = 0;
};

/// Bits are packed in flat NHWC order: element i is bit i % 8 of byte i / 8.
constexpr int64_t mask_bytes(int64_t elements) {
  return (elements + 7) / 8;
}

}  // namespace trady::kernels
