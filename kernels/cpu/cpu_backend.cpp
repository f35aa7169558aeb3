// The CPU backend: chooses a pass for every convolution, and runs the small primitives.
#include <algorithm>
#include <utility>

#include "kernels/backend.h"
#include "kernels/cpu/batch_norm.h"
#include "kernels/cpu/channel_gather.h"
#include "kernels/cpu/conv_passes.h"
#include "kernels/cpu/max_pool.h"
#include "kernels/cpu/onednn_passes.h"
#include "kernels/cpu/shared_conv.h"
#include "kernels/cpu/small_ops.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/shape_check.h"

namespace trady::kernels {
namespace {

const float* floats(const void* p) {
  return static_cast<const float*>(p);
}
float* floats(void* p) {
  return static_cast<float*>(p);
}

/// Weights up to here stay in half of a usual second-level cache while our window loops pass over
/// the image row by row. Measured with AVX2, one image, multiply-adds a nanosecond, ours against
/// oneDNN: 64 -> 64 3x3 at 56 px (144 KiB) 45 against 28, at 8 px 42 against 41; 512 -> 512 3x3 at
/// 7 px (9 MiB) 2.4 against 10.
constexpr int64_t kResidentWeightBytes = 256 * 1024;
/// Below this our grad_input of a window leaves most of each vector empty: 3 channels 4 against 11,
/// 8 channels 22 against 34, 16 channels 39 against 43, 32 channels 46 against 47.
constexpr int64_t kWindowGradInputChannels = 16;

bool weights_stay_resident(const ConvShape& shape) {
  return shape.weight_elements() * 4 <= kResidentWeightBytes;
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(std::shared_ptr<const Team> team) : team_(std::move(team)) {}

  std::string name() const override { return "cpu"; }
  std::string isa() const override { return cpu::isa_name(cpu::active_isa()); }
  DType dtype() const override { return DType::float32; }
  int threads() const override { return team_ ? team_->threads() : 1; }

  std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape,
                                            Activation activation) const override {
    check_shape(shape);
    const auto own = [&](const ConvShape& part) { return own_forward(part, activation); };
    if (team_ && shape.batch > 1) {
      if (auto pass = cpu::make_shared_forward(shape, team_, own)) return pass;
    }
    return own(shape);
  }

  std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const override {
    check_shape(shape);
    if (team_ && shape.batch > 1) {
      if (auto pass = cpu::make_shared_grad_input(shape, team_, own_grad_input)) return pass;
    }
    return own_grad_input(shape);
  }

  std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                   int64_t count) const override {
    check_slices(shape, kind, count);
    return cpu::make_sliced_grad_weight(shape, kind, count);
  }

  void pack_channels(const void* x, int64_t positions, int64_t channel_count, ChannelList channels,
                     void* out) const override {
    cpu::gather_channels(floats(x), positions, channel_count, channels, floats(out));
  }
  void apply_mask(void* dy, const uint8_t* mask, int64_t elements) const override {
    for_each_piece(elements, [&](int64_t begin, int64_t count) {
      cpu::vector_kernels().apply_mask(floats(dy) + begin, mask + begin / 8, count);
    });
  }
  void grad_bias(const void* dy, int64_t positions, int64_t channel_count,
                 void* db) const override {
    cpu::vector_kernels().column_sums(floats(dy), positions, channel_count, floats(db));
  }
  void mean_pool_forward(const void* x, int64_t batch, int64_t positions, int64_t channel_count,
                         void* y) const override {
    cpu::mean_pool_forward(floats(x), batch, positions, channel_count, floats(y));
  }
  void mean_pool_backward(const void* dy, int64_t batch, int64_t positions, int64_t channel_count,
                          void* dx) const override {
    cpu::mean_pool_backward(floats(dy), batch, positions, channel_count, floats(dx));
  }
  void max_pool_forward(const MaxPoolShape& shape, const void* x, void* y,
                        uint8_t* winner) const override {
    cpu::max_pool_forward(shape, floats(x), floats(y), winner);
  }
  void max_pool_backward(const MaxPoolShape& shape, const void* dy, const uint8_t* winner,
                         void* dx) const override {
    cpu::max_pool_backward(shape, floats(dy), winner, floats(dx));
  }
  void shortcut_forward(const ShortcutShape& shape, const void* x, void* y) const override {
    cpu::shortcut_forward(shape, floats(x), floats(y));
  }
  void shortcut_backward(const ShortcutShape& shape, const void* dy, void* dx,
                         GradientMode mode) const override {
    cpu::shortcut_backward(shape, floats(dy), floats(dx), mode);
  }
  void batch_statistics(const void* z, int64_t positions, int64_t channel_count, void* mean,
                        void* variance) const override {
    cpu::batch_statistics(floats(z), positions, channel_count, floats(mean), floats(variance),
                          team_.get());
  }
  void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                          Activation activation, const void* residual, void* y,
                          uint8_t* mask) const override {
    cpu::batch_norm_forward(buffers, positions, channel_count, activation, floats(residual),
                            floats(y), mask, team_.get());
  }
  void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const void* dy,
                                  int64_t positions, int64_t channel_count, void* dgamma,
                                  void* dbeta) const override {
    cpu::batch_norm_grad_parameters(buffers, floats(dy), positions, channel_count, floats(dgamma),
                                    floats(dbeta), team_.get());
  }
  void batch_norm_grad_input(const BatchNormBuffers& buffers, const void* dy, const void* dgamma,
                             const void* dbeta, int64_t positions, int64_t channel_count,
                             void* dz) const override {
    cpu::batch_norm_grad_input(buffers, floats(dy), floats(dgamma), floats(dbeta), positions,
                               channel_count, floats(dz), team_.get());
  }
  void update_statistics(const StepControl* control, const void* mean, const void* variance,
                         int64_t positions, int64_t channel_count, double momentum,
                         void* running_mean, void* running_variance) const override {
    cpu::update_statistics(*control, floats(mean), floats(variance), positions, channel_count,
                           momentum, floats(running_mean), floats(running_variance));
  }
  void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes,
                     double scale) const override {
    cpu::cross_entropy(buffers, batch, classes, scale);
  }
  void normalize(const uint8_t* pixels, int64_t positions, const double mean[3],
                 const double std[3], void* x) const override {
    cpu::normalize(pixels, positions, mean, std, floats(x));
  }
  void add(const void* x, int64_t elements, void* out) const override {
    for_each_piece(elements, [&](int64_t begin, int64_t count) {
      cpu::vector_kernels().add(floats(x) + begin, count, floats(out) + begin);
    });
  }
  void copy(const void* x, int64_t elements, void* out) const override {
    std::copy_n(floats(x), elements, floats(out));
  }
  void scale_rows(void* x, ChannelList rows, int64_t columns, const void* scale) const override {
    cpu::scale_rows(floats(x), rows, columns, floats(scale));
  }
  void zero(void* x, int64_t elements) const override { std::fill_n(floats(x), elements, 0.0f); }
  void add_squares(const void* x, int64_t elements, double* sum) const override {
    *sum += cpu::sum_squares(floats(x), elements);
  }
  void sgd(const ConvShape& shape, const SgdArgs& args) const override { cpu::sgd(shape, args); }
  void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const void* dw,
                   double* norms) const override {
    cpu::slice_norms(shape, kind, count, floats(dw), norms);
  }

 private:
  /// visit(begin, count) for all elements: whole bytes of a mask at a time, by the team.
  template <typename Visit>
  void for_each_piece(int64_t elements, const Visit& visit) const {
    if (!team_) return visit(0, elements);
    constexpr int64_t kElements = 1 << 15;  // enough that handing it to a thread does not show
    run_pieces(team_.get(), (elements + kElements - 1) / kElements, [&](int64_t piece, int) {
      visit(piece * kElements, std::min(kElements, elements - piece * kElements));
    });
  }

  static std::unique_ptr<ConvForward> own_forward(const ConvShape& shape, Activation activation) {
    if (shape.depthwise) return cpu::make_depthwise_forward(shape, activation);
    if (cpu::is_pointwise(shape)) return cpu::make_pointwise_forward(shape, activation);
    if (!weights_stay_resident(shape)) {
      if (auto pass = cpu::make_onednn_forward(shape, activation, cpu::Clipping::keeps_nan))
        return pass;
    }
    return cpu::make_window_forward(shape, activation);
  }

  static std::unique_ptr<ConvGradInput> own_grad_input(const ConvShape& shape) {
    if (shape.depthwise) return cpu::make_depthwise_grad_input(shape);
    if (cpu::is_pointwise(shape)) return cpu::make_pointwise_grad_input(shape);
    if (!weights_stay_resident(shape) || shape.in_c < kWindowGradInputChannels) {
      if (auto pass = cpu::make_onednn_grad_input(shape)) return pass;
    }
    return cpu::make_window_grad_input(shape);
  }

  std::shared_ptr<const Team> team_;  ///< null: whoever calls computes
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(std::shared_ptr<const Team> team) {
  return std::make_unique<CpuBackend>(std::move(team));
}

}  // namespace trady::kernels
