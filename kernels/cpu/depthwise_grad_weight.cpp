// dw[j][ky][kx] = sum over images and positions (r, q) of
//                 dy[r][q][channel j] * x[r * stride + ky - padding][q * stride + kx - padding][j].
// Two ways, for lists with many and with few channels.
#include "kernels/cpu/depthwise_grad_weight.h"

#include <algorithm>
#include <array>

#include "kernels/cpu/axis_plan.h"
#include "kernels/cpu/buffer_layout.h"
#include "kernels/cpu/channel_gather.h"
#include "kernels/cpu/conv_passes.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

constexpr int64_t kManyChannels = 16;  ///< from here on vectors fill better than panels

/// Vectors along the listed channels; dy is gathered to match unless all are listed.
class ManyChannels final : public ConvGradWeight {
 public:
  ManyChannels(const ConvShape& s, int64_t count)
      : shape_(s),
        count_(count),
        row_(forward_axis(s.in_h, s.out_h(), s.kernel, s.stride, s.padding).front()),
        col_(forward_axis(s.in_w, s.out_w(), s.kernel, s.stride, s.padding).front()),
        gathered_floats_(count < s.in_c ? aligned_floats(s.out_w() * count) : 0) {}

  int64_t scratch_bytes() const override {
    return (gathered_floats_ + aligned_floats(shape_.taps() * count_)) * 4;
  }

  void run(const Buffers& buffers) const override {
    const ConvShape& s = shape_;
    auto* gathered = static_cast<float*>(buffers.scratch);
    float* sums = gathered + gathered_floats_;
    std::fill_n(sums, s.taps() * count_, 0.0f);
    std::array<const float*, kMaxDepthwiseKernel> x_row;
    std::array<float*, kMaxDepthwiseKernel> row_sums;
    DepthwiseGradWeightArgs args;
    args.positions = s.out_w();
    args.channels = count_;
    args.taps = s.kernel;
    args.x_row = x_row.data();
    args.in_first = col_.in_first;
    args.in_step = col_.in_step;
    args.in_count = col_.in_count;
    args.dy_step = count_;
    args.sums = row_sums.data();
    for (int64_t image = 0; image < s.batch; ++image) {
      for (int64_t row = 0; row < s.out_h(); ++row) {
        args.dy =
            static_cast<const float*>(buffers.dy) + (image * s.out_h() + row) * s.out_w() * s.out_c;
        if (count_ < s.in_c) {
          gather_channels(args.dy, s.out_w(), s.out_c, buffers.channels, gathered);
          args.dy = gathered;
        }
        const AxisLine::Range inside = row_.taps_inside(row);
        args.rows = 0;
        for (int64_t ky = inside.begin; ky < inside.end; ++ky, ++args.rows) {
          const int64_t in_row = image * s.in_h + row * s.stride + ky - s.padding;
          x_row[args.rows] = static_cast<const float*>(buffers.x) + in_row * s.in_w * count_;
          row_sums[args.rows] = sums + ky * s.kernel * count_;
        }
        vector_kernels().depthwise_grad_weight(args);
      }
    }
    transpose(sums, s.taps(), count_, static_cast<float*>(buffers.dw));
    work_counters().grad_weight.fetch_add(s.batch * count_ * s.taps() * s.out_h() * args.positions,
                                          std::memory_order_relaxed);
  }

 private:
  ConvShape shape_;
  int64_t count_;
  AxisLine row_, col_;
  int64_t gathered_floats_;
};

/// Channels of a panel: a vector's, at most 8.
int64_t channels_of_panel() {
  return std::min(8, vector_kernels().vector_floats);
}

constexpr std::array<int32_t, 8> kConsecutive = {0, 1, 2, 3, 4, 5, 6, 7};

/// Panels of one band and one group of channels.
struct Panels {
  int64_t interleave;    ///< lanes of a position: 1, 2, 4 or 8
  int64_t lanes;         ///< channels that they hold; the rest is never read
  int64_t phase_floats;  ///< of one phase of x
};

int64_t lanes_to_interleave(int64_t lanes) {
  return lanes > 4 ? 8 : lanes > 2 ? 4 : lanes;
}

/// Up to eight channels at a time are copied, interleaved and zero-padded, into a panel of x and
/// one of dy, for a band of output rows that stays in the first-level cache. The panel of x is
/// split into stride x stride phases, so that the elements which one tap meets lie side by side,
/// and both panels have the same pitch, with zeros of dy in the gap between rows: a tap is then one
/// dot product over flat panels, without borders or strides, for any kernel.
class FewChannels final : public ConvGradWeight {
 public:
  FewChannels(const ConvShape& s, int64_t count)
      : shape_(s),
        count_(count),
        group_(channels_of_panel()),
        phases_(std::min(s.stride, s.kernel)),
        pitch_((s.in_w + 2 * s.padding + s.stride - 1) / s.stride),
        halo_((s.kernel - 1) / s.stride) {
    constexpr int64_t kBandFloats = 24 * 1024 / 4;
    const int64_t row_floats = pitch_ * lanes_to_interleave(std::min(count, group_));
    const int64_t rows =
        (kBandFloats / std::max<int64_t>(row_floats, 1) - phases_ * phases_ * halo_) /
        (phases_ * phases_ + 1);
    band_rows_ = std::clamp<int64_t>(rows, 1, s.out_h());
  }

  int64_t scratch_bytes() const override {
    if (count_ == 0) return 0;
    const Panels panels = panels_of(std::min(count_, group_));
    return (phases_ * phases_ * panels.phase_floats + dy_floats(panels)) * 4;
  }

  void run(const Buffers& buffers) const override {
    auto* dw = static_cast<float*>(buffers.dw);
    std::fill_n(dw, count_ * shape_.taps(), 0.0f);
    for (int64_t first = 0; first < count_; first += group_) {
      run_group(buffers, first, std::min(group_, count_ - first));
    }
    work_counters().grad_weight.fetch_add(
        shape_.batch * count_ * shape_.taps() * shape_.out_h() * shape_.out_w(),
        std::memory_order_relaxed);
  }

 private:
  Panels panels_of(int64_t lanes) const {
    Panels panels{lanes_to_interleave(lanes), lanes, 0};
    // A dot product of the last tap reads this far, whole vectors included.
    const int64_t reach = halo_ * (pitch_ + 1) * panels.interleave + dy_floats(panels);
    panels.phase_floats =
        aligned_floats(std::max(reach, (band_rows_ + halo_) * pitch_ * panels.interleave));
    return panels;
  }
  int64_t dy_floats(const Panels& panels) const {
    return aligned_floats(band_rows_ * pitch_ * panels.interleave);
  }

  void run_group(const Buffers& buffers, int64_t first, int64_t lanes) const {
    const ConvShape& s = shape_;
    const Panels panels = panels_of(lanes);
    auto* x_panel = static_cast<float*>(buffers.scratch);
    float* dy_panel = x_panel + phases_ * phases_ * panels.phase_floats;
    std::fill(x_panel, dy_panel + dy_floats(panels), 0.0f);

    std::array<int64_t, kMaxDepthwiseKernel * kMaxDepthwiseKernel> offset;
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      for (int64_t kx = 0; kx < s.kernel; ++kx) {
        const int64_t phase = ky % s.stride * phases_ + kx % s.stride;
        offset[ky * s.kernel + kx] = phase * panels.phase_floats +
                                     (ky / s.stride * pitch_ + kx / s.stride) * panels.interleave;
      }
    }
    ShiftedDotsArgs dots;
    dots.x = x_panel;
    dots.offset = offset.data();
    dots.taps = s.taps();
    dots.dy = dy_panel;
    dots.interleave = panels.interleave;
    dots.lanes = lanes;
    dots.dw = static_cast<float*>(buffers.dw) + first * s.taps();
    for (int64_t image = 0; image < s.batch; ++image) {
      const float* x =
          static_cast<const float*>(buffers.x) + image * s.in_h * s.in_w * count_ + first;
      const float* dy =
          static_cast<const float*>(buffers.dy) + image * s.out_h() * s.out_w() * s.out_c;
      for (int64_t row = 0; row < s.out_h(); row += band_rows_) {
        const int64_t rows = std::min(band_rows_, s.out_h() - row);
        fill_x_panel(x, row, rows, panels, x_panel);
        dots.elements = fill_dy_panel(dy + row * s.out_w() * s.out_c, rows,
                                      buffers.channels.index + first, panels, dy_panel);
        vector_kernels().shifted_dots(dots);
      }
    }
  }

  /// x: the group's first channel of an image. Columns of the frame stay zero from the beginning.
  void fill_x_panel(const float* x, int64_t first_row, int64_t rows, const Panels& panels,
                    float* panel) const {
    const ConvShape& s = shape_;
    for (int64_t i = 0; i < (rows - 1) * s.stride + s.kernel; ++i) {
      if (i % s.stride >= phases_) continue;
      const int64_t row = first_row * s.stride + i - s.padding;
      for (int64_t phase = 0; phase < phases_; ++phase) {
        float* to = panel + (i % s.stride * phases_ + phase) * panels.phase_floats +
                    i / s.stride * pitch_ * panels.interleave;
        if (row < 0 || row >= s.in_h) {
          std::fill_n(to, pitch_ * panels.interleave, 0.0f);
          continue;
        }
        // The first column whose padded index has this phase.
        const int64_t col = ((phase - s.padding) % s.stride + s.stride) % s.stride;
        if (col >= s.in_w) continue;
        gather_strided(x + (row * s.in_w + col) * count_, s.stride * count_,
                       (s.in_w - col + s.stride - 1) / s.stride, kConsecutive.data(), panels.lanes,
                       to + (col + s.padding) / s.stride * panels.interleave, panels.interleave);
      }
    }
  }

  /// Returns the floats that the dot products run over.
  int64_t fill_dy_panel(const float* dy, int64_t rows, const int32_t* channels,
                        const Panels& panels, float* panel) const {
    const ConvShape& s = shape_;
    for (int64_t row = 0; row < rows; ++row) {
      gather_strided(dy + row * s.out_w() * s.out_c, s.out_c, s.out_w(), channels, panels.lanes,
                     panel + row * pitch_ * panels.interleave, panels.interleave);
    }
    // A band before this one may have left its rows behind the last.
    const int64_t used = ((rows - 1) * pitch_ + s.out_w()) * panels.interleave;
    const int64_t elements = aligned_floats(used);
    std::fill(panel + used, panel + elements, 0.0f);
    return elements;
  }

  ConvShape shape_;
  int64_t count_;
  int64_t group_;   ///< channels of a panel
  int64_t phases_;  ///< along each axis
  int64_t pitch_;   ///< positions of a panel row
  int64_t halo_;    ///< panel rows that a band needs beyond its own
  int64_t band_rows_ = 1;
};

}  // namespace

std::unique_ptr<ConvGradWeight> make_depthwise_grad_weight(const ConvShape& shape, int64_t count) {
  require_depthwise(shape);
  if (count >= kManyChannels) return std::make_unique<ManyChannels>(shape, count);
  return std::make_unique<FewChannels>(shape, count);
}

}  // namespace trady::kernels::cpu
