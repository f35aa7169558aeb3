// dw[j][ky][kx] = sum over images and positions (r, q) of
//                 dy[r][q][channel j] * x[r * stride + ky - padding][q * stride + kx - padding][j].
#include "kernels/cpu/depthwise_grad_weight.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "kernels/cpu/buffer_layout.h"
#include "kernels/cpu/channel_gather.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

/// Enough channels to fill vectors: they run along the (gathered) channels.
class ManyChannels final : public ConvGradWeight {
 public:
  ManyChannels(const ConvShape& s, int64_t count)
      : shape_(s),
        count_(count),
        padded_{s.in_h + 2 * s.padding, s.in_w + 2 * s.padding, count},
        padded_floats_(s.padding > 0 ? padded_.floats() : 0),
        gathered_floats_(count < s.in_c ? aligned_floats(s.out_h() * s.out_w() * count) : 0) {}

  int64_t scratch_bytes() const override {
    return (padded_floats_ + gathered_floats_ + aligned_floats(shape_.taps() * count_)) * 4;
  }

  void run(const Buffers& buffers) const override {
    const ConvShape& s = shape_;
    auto* padded = static_cast<float*>(buffers.scratch);
    float* gathered = padded + padded_floats_;
    float* sums = gathered + gathered_floats_;
    std::fill_n(sums, s.taps() * count_, 0.0f);
    DepthwiseGradRowArgs args;
    args.rows = s.out_h();
    args.cols = s.out_w();
    args.channels = count_;
    args.taps = s.kernel;
    args.x_row = s.stride * padded_.row_floats();
    args.x_col = s.stride * count_;
    args.dy_row = s.out_w() * count_;
    const int64_t out_positions = s.out_h() * s.out_w();
    for (int64_t image = 0; image < s.batch; ++image) {
      const float* x = static_cast<const float*>(buffers.x) + image * s.in_h * s.in_w * count_;
      if (s.padding > 0) {
        pad_image(x, s.in_h, s.in_w, s.padding, padded_, padded);
        x = padded;
      }
      args.dy = static_cast<const float*>(buffers.dy) + image * out_positions * s.out_c;
      if (count_ < s.in_c) {
        gather_channels(args.dy, out_positions, s.out_c, buffers.channels, gathered);
        args.dy = gathered;
      }
      for (int64_t ky = 0; ky < s.kernel; ++ky) {
        args.x = x + ky * padded_.row_floats();
        args.dw = sums + ky * s.kernel * count_;
        vector_kernels().depthwise_grad_row(args);
      }
    }
    transpose(sums, s.taps(), count_, static_cast<float*>(buffers.dw));
    work_counters().grad_weight.fetch_add(
        s.batch * s.kernel * args.rows * args.cols * args.taps * count_, std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
  int64_t count_;
  PaddedImage padded_;
  int64_t padded_floats_, gathered_floats_;
};

/// Fewer channels than a vector has lanes: one at a time, as planes. x is split into stride x
/// stride phases, so that the elements which one tap meets lie side by side, and both planes have
/// the same pitch, with zeros of dy in the gap: a tap is then one dot product over the flat planes.
class FewChannels final : public ConvGradWeight {
 public:
  FewChannels(const ConvShape& s, int64_t count)
      : shape_(s),
        count_(count),
        phases_(std::min(s.stride, s.kernel)),
        pitch_((s.in_w + 2 * s.padding + s.stride - 1) / s.stride) {
    // shifted_dots takes whole vectors, 16 floats at most.
    elements_ = aligned_floats((s.out_h() - 1) * pitch_ + s.out_w());
    const int64_t last_shift = (s.kernel - 1) / s.stride * (pitch_ + 1);
    const int64_t plane_rows = (s.in_h + 2 * s.padding + s.stride - 1) / s.stride;
    plane_floats_ = aligned_floats(std::max(last_shift + elements_, plane_rows * pitch_));
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      for (int64_t kx = 0; kx < s.kernel; ++kx) {
        const int64_t plane = ky % s.stride * phases_ + kx % s.stride;
        offset_.push_back(plane * plane_floats_ + ky / s.stride * pitch_ + kx / s.stride);
      }
    }
  }

  int64_t scratch_bytes() const override {
    return (phases_ * phases_ * plane_floats_ + elements_) * 4;
  }

  void run(const Buffers& buffers) const override {
    const ConvShape& s = shape_;
    auto* x_planes = static_cast<float*>(buffers.scratch);
    float* dy_plane = x_planes + phases_ * phases_ * plane_floats_;
    auto* dw = static_cast<float*>(buffers.dw);
    std::fill_n(x_planes, phases_ * phases_ * plane_floats_ + elements_, 0.0f);
    std::fill_n(dw, count_ * s.taps(), 0.0f);
    for (int64_t image = 0; image < s.batch; ++image) {
      const float* x = static_cast<const float*>(buffers.x) + image * s.in_h * s.in_w * count_;
      const float* dy =
          static_cast<const float*>(buffers.dy) + image * s.out_h() * s.out_w() * s.out_c;
      for (int64_t j = 0; j < count_; ++j) {
        split_phases(x + j, x_planes);
        const float* from = dy + buffers.channels.index[j];
        for (int64_t row = 0; row < s.out_h(); ++row) {
          float* to = dy_plane + row * pitch_;
          for (int64_t col = 0; col < s.out_w(); ++col, from += s.out_c) to[col] = *from;
        }
        vector_kernels().shifted_dots(x_planes, offset_.data(), s.taps(), dy_plane, elements_,
                                      dw + j * s.taps());
      }
    }
    work_counters().grad_weight.fetch_add(s.batch * count_ * s.taps() * s.out_h() * s.out_w(),
                                          std::memory_order_relaxed);
  }

 private:
  /// Spreads one channel of an image over its planes; their frames of zeros stay as they are.
  void split_phases(const float* x, float* planes) const {
    const ConvShape& s = shape_;
    for (int64_t row = 0; row < s.in_h; ++row) {
      const int64_t padded_row = row + s.padding;
      if (padded_row % s.stride >= phases_) continue;
      float* row_planes =
          planes + padded_row % s.stride * phases_ * plane_floats_ + padded_row / s.stride * pitch_;
      for (int64_t phase = 0; phase < phases_; ++phase) {
        // The first column whose padded index has this phase.
        const int64_t first = ((phase - s.padding) % s.stride + s.stride) % s.stride;
        float* to = row_planes + phase * plane_floats_ + (first + s.padding) / s.stride;
        const float* from = x + row * s.in_w * count_;
        for (int64_t col = first; col < s.in_w; col += s.stride) *to++ = from[col * count_];
      }
    }
  }

  ConvShape shape_;
  int64_t count_;
  int64_t phases_, pitch_;
  int64_t elements_ = 0, plane_floats_ = 0;
  std::vector<int64_t> offset_;  ///< of each tap's first element in the planes
};

}  // namespace

std::unique_ptr<ConvGradWeight> make_depthwise_grad_weight(const ConvShape& shape, int64_t count) {
  if (!shape.depthwise) throw std::invalid_argument("not a depthwise convolution");
  if (count >= vector_kernels().vector_floats) return std::make_unique<ManyChannels>(shape, count);
  return std::make_unique<FewChannels>(shape, count);
}

}  // namespace trady::kernels::cpu
