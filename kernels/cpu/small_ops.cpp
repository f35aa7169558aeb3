#include "kernels/cpu/small_ops.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/vector_kernels.h"
#include "kernels/normalization.h"

namespace trady::kernels::cpu {
namespace {

/// The update of one weight, in float32.
class SgdRule {
 public:
  explicit SgdRule(const SgdArgs& args)
      : rate_(static_cast<float>(args.control->learning_rate)),
        scale_(static_cast<float>(args.control->gradient_scale)),
        decay_(static_cast<float>(args.weight_decay)),
        momentum_(static_cast<float>(args.momentum)),
        plain_(args.weight_decay == 0 && args.velocity == nullptr && args.row_scale == nullptr) {}

  bool plain() const { return plain_; }
  void step_down(float dw, float& w) const { w -= rate_ * (scale_ * dw); }
  void step_down(float dw, float& w, float* velocity, float row_scale) const {
    float step = scale_ * dw + decay_ * w;
    if (velocity) *velocity = step = momentum_ * *velocity + step;
    w -= rate_ * row_scale * step;
  }

 private:
  float rate_, scale_, decay_, momentum_;
  bool plain_;
};

/// visit(packed index into dw, index into the whole weight, output channel) for every element of
/// the slices.
template <typename Visit>
void for_each_slice_element(const ConvShape& shape, SliceKind kind, ChannelList channels,
                            const Visit& visit) {
  const auto channel = [&](int64_t j) { return channels.index ? channels.index[j] : j; };
  if (shape.depthwise || kind == SliceKind::output_channels) {
    const int64_t slice = shape.depthwise ? shape.taps() : shape.taps() * shape.in_c;
    for (int64_t j = 0; j < channels.count; ++j) {
      const int64_t o = channel(j);
      for (int64_t i = 0; i < slice; ++i) visit(j * slice + i, o * slice + i, o);
    }
    return;
  }
  for (int64_t row = 0; row < shape.out_c * shape.taps(); ++row) {
    const int64_t o = row / shape.taps();
    for (int64_t j = 0; j < channels.count; ++j) {
      visit(row * channels.count + j, row * shape.in_c + channel(j), o);
    }
  }
}

}  // namespace

void mean_pool_forward(const float* x, int64_t batch, int64_t positions, int64_t channel_count,
                       float* y) {
  const float share = 1.0f / static_cast<float>(positions);
  for (int64_t n = 0; n < batch; ++n) {
    float* out = y + n * channel_count;
    vector_kernels().column_sums(x + n * positions * channel_count, positions, channel_count, out);
    for (int64_t c = 0; c < channel_count; ++c) out[c] *= share;
  }
}

void mean_pool_backward(const float* dy, int64_t batch, int64_t positions, int64_t channel_count,
                        float* dx) {
  const float share = 1.0f / static_cast<float>(positions);
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t p = 0; p < positions; ++p, dx += channel_count) {
      for (int64_t c = 0; c < channel_count; ++c) dx[c] = dy[n * channel_count + c] * share;
    }
  }
}

void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes,
                   double scale) {
  for (int64_t n = 0; n < batch; ++n) {
    const float* logits = static_cast<const float*>(buffers.logits) + n * classes;
    const float largest = *std::max_element(logits, logits + classes);
    double sum = 0;
    bool any_nan = false;
    for (int64_t c = 0; c < classes; ++c) {
      any_nan |= std::isnan(logits[c]);
      sum += std::exp(static_cast<double>(logits[c]) - largest);
    }
    const int32_t label = buffers.labels[n];
    buffers.loss[n] = std::log(sum) + largest - static_cast<double>(logits[label]);
    const auto first = std::find(logits, logits + classes, largest) - logits;
    buffers.predicted[n] = any_nan ? -1 : static_cast<int32_t>(first);
    if (buffers.dlogits != nullptr) {
      float* dlogits = static_cast<float*>(buffers.dlogits) + n * classes;
      for (int64_t c = 0; c < classes; ++c) {
        const double softmax = std::exp(static_cast<double>(logits[c]) - largest) / sum;
        dlogits[c] = static_cast<float>(scale * (softmax - (c == label ? 1.0 : 0.0)));
      }
    }
  }
}

void normalize(const uint8_t* pixels, int64_t positions, const double mean[3], const double std[3],
               float* x) {
  float table[256][3];
  for (int value = 0; value < 256; ++value) {
    for (int c = 0; c < 3; ++c) {
      table[value][c] = normalized_pixel(static_cast<uint8_t>(value), mean[c], std[c]);
    }
  }
  for (int64_t p = 0; p < positions; ++p, pixels += 3, x += 3) {
    x[0] = table[pixels[0]][0];
    x[1] = table[pixels[1]][1];
    x[2] = table[pixels[2]][2];
  }
}

double sum_squares(const float* x, int64_t elements) {
  // Four sums in flight, added in a fixed order.
  double sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= elements; i += 4) {
    for (int lane = 0; lane < 4; ++lane) {
      sums[lane] += static_cast<double>(x[i + lane]) * static_cast<double>(x[i + lane]);
    }
  }
  for (; i < elements; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void sgd(const ConvShape& shape, const SgdArgs& args) {
  if (args.control->updates == 0) return;
  const SgdRule rule(args);
  auto* w = static_cast<float*>(args.w);
  auto* velocity = static_cast<float*>(args.velocity);
  const auto* dw = static_cast<const float*>(args.dw);
  const auto* row_scale = static_cast<const float*>(args.row_scale);
  if (rule.plain()) {
    for_each_slice_element(
        shape, args.kind, args.channels,
        [&](int64_t packed, int64_t at, int64_t) { rule.step_down(dw[packed], w[at]); });
    return;
  }
  for_each_slice_element(shape, args.kind, args.channels,
                         [&](int64_t packed, int64_t at, int64_t o) {
                           rule.step_down(dw[packed], w[at], velocity ? &velocity[at] : nullptr,
                                          row_scale ? row_scale[o] : 1.0f);
                         });
}

void scale_rows(float* x, ChannelList rows, int64_t columns, const float* scale) {
  for (int64_t r = 0; r < rows.count; ++r, x += columns) {
    const float factor = scale[rows.index ? rows.index[r] : r];
    for (int64_t i = 0; i < columns; ++i) x[i] *= factor;
  }
}

void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const float* dw,
                 double* norms) {
  if (shape.depthwise || kind == SliceKind::output_channels) {
    const int64_t slice = shape.depthwise ? shape.taps() : shape.taps() * shape.in_c;
    for (int64_t j = 0; j < count; ++j) norms[j] = std::sqrt(sum_squares(dw + j * slice, slice));
    return;
  }
  std::fill_n(norms, count, 0.0);
  const int64_t rows = shape.out_c * shape.taps();
  for (int64_t row = 0; row < rows; ++row, dw += count) {
    for (int64_t j = 0; j < count; ++j) {
      norms[j] += static_cast<double>(dw[j]) * static_cast<double>(dw[j]);
    }
  }
  for (int64_t j = 0; j < count; ++j) norms[j] = std::sqrt(norms[j]);
}

}  // namespace trady::kernels::cpu
