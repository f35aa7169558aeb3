// The oracle: every primitive as the plainest loops that are still fast enough for whole networks.
#include <algorithm>
#include <cstring>

#include "kernels/backend.h"
#include "kernels/reference/batch_norm.h"
#include "kernels/reference/conv_forward.h"
#include "kernels/reference/conv_grad_input.h"
#include "kernels/reference/conv_grad_weight.h"
#include "kernels/reference/cross_entropy.h"
#include "kernels/reference/elementwise.h"
#include "kernels/reference/max_pool.h"
#include "kernels/reference/pooling.h"
#include "kernels/reference/shortcut.h"
#include "kernels/reference/slices.h"

namespace trady::kernels {
namespace {

template <typename T>
class ReferenceBackend final : public Backend {
 public:
  std::string name() const override { return "reference"; }
  std::string isa() const override { return "portable"; }
  DType dtype() const override { return sizeof(T) == 4 ? DType::float32 : DType::float64; }

  std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape,
                                            Activation activation) const override {
    return std::make_unique<reference::ReferenceConvForward<T>>(shape, activation);
  }
  std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const override {
    return std::make_unique<reference::ReferenceConvGradInput<T>>(shape);
  }
  std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                   int64_t count) const override {
    return std::make_unique<reference::ReferenceConvGradWeight<T>>(shape, kind, count);
  }

  void pack_channels(const void* x, int64_t positions, int64_t channel_count, ChannelList channels,
                     void* out) const override {
    reference::pack_channels(in(x), positions, channel_count, channels, inout(out));
  }
  void apply_mask(void* dy, const uint8_t* mask, int64_t elements) const override {
    reference::apply_mask(inout(dy), mask, elements);
  }
  void grad_bias(const void* dy, int64_t positions, int64_t channel_count,
                 void* db) const override {
    reference::grad_bias(in(dy), positions, channel_count, inout(db));
  }
  void mean_pool_forward(const void* x, int64_t batch, int64_t positions, int64_t channel_count,
                         void* y) const override {
    reference::mean_pool_forward(in(x), batch, positions, channel_count, inout(y));
  }
  void mean_pool_backward(const void* dy, int64_t batch, int64_t positions, int64_t channel_count,
                          void* dx) const override {
    reference::mean_pool_backward(in(dy), batch, positions, channel_count, inout(dx));
  }
  void max_pool_forward(const MaxPoolShape& shape, const void* x, void* y,
                        uint8_t* winner) const override {
    reference::max_pool_forward(shape, in(x), inout(y), winner);
  }
  void max_pool_backward(const MaxPoolShape& shape, const void* dy, const uint8_t* winner,
                         void* dx) const override {
    reference::max_pool_backward(shape, in(dy), winner, inout(dx));
  }
  void shortcut_forward(const ShortcutShape& shape, const void* x, void* y) const override {
    reference::shortcut_forward(shape, in(x), inout(y));
  }
  void shortcut_backward(const ShortcutShape& shape, const void* dy, void* dx,
                         GradientMode mode) const override {
    reference::shortcut_backward(shape, in(dy), inout(dx), mode);
  }

  void batch_statistics(const void* z, int64_t positions, int64_t channel_count, void* mean,
                        void* variance) const override {
    reference::batch_statistics(in(z), positions, channel_count, inout(mean), inout(variance));
  }
  void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                          Activation activation, const void* residual, void* y,
                          uint8_t* mask) const override {
    reference::batch_norm_forward(buffers, positions, channel_count, activation, in(residual),
                                  inout(y), mask);
  }
  void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const void* dy,
                                  int64_t positions, int64_t channel_count, void* dgamma,
                                  void* dbeta) const override {
    reference::batch_norm_grad_parameters(buffers, in(dy), positions, channel_count, inout(dgamma),
                                          inout(dbeta));
  }
  void batch_norm_grad_input(const BatchNormBuffers& buffers, const void* dy, const void* dgamma,
                             const void* dbeta, int64_t positions, int64_t channel_count,
                             void* dz) const override {
    reference::batch_norm_grad_input(buffers, in(dy), in(dgamma), in(dbeta), positions,
                                     channel_count, inout(dz));
  }
  void update_statistics(const StepControl* control, const void* mean, const void* variance,
                         int64_t positions, int64_t channel_count, double momentum,
                         void* running_mean, void* running_variance) const override {
    reference::update_statistics(*control, in(mean), in(variance), positions, channel_count,
                                 momentum, inout(running_mean), inout(running_variance));
  }

  void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes,
                     double scale) const override {
    reference::cross_entropy<T>(buffers, batch, classes, scale);
  }
  void normalize(const uint8_t* pixels, int64_t positions, const double mean[3],
                 const double std[3], void* x) const override {
    reference::normalize(pixels, positions, mean, std, inout(x));
  }

  void add(const void* x, int64_t elements, void* out) const override {
    reference::add(in(x), elements, inout(out));
  }
  void copy(const void* x, int64_t elements, void* out) const override {
    if (elements > 0) std::memcpy(out, x, sizeof(T) * static_cast<size_t>(elements));
  }
  void scale_rows(void* x, ChannelList rows, int64_t columns, const void* scale) const override {
    reference::scale_rows(inout(x), rows, columns, in(scale));
  }
  void zero(void* x, int64_t elements) const override { std::fill_n(inout(x), elements, T(0)); }
  void add_squares(const void* x, int64_t elements, double* sum) const override {
    *sum += reference::sum_squares(in(x), elements);
  }
  void sgd(const ConvShape& shape, const SgdArgs& args) const override {
    reference::sgd<T>(shape, args);
  }
  void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const void* dw,
                   double* norms) const override {
    reference::slice_norms(shape, kind, count, in(dw), norms);
  }

 private:
  static const T* in(const void* p) { return static_cast<const T*>(p); }
  static T* inout(void* p) { return static_cast<T*>(p); }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend(DType dtype) {
  if (dtype == DType::float32) return std::make_unique<ReferenceBackend<float>>();
  return std::make_unique<ReferenceBackend<double>>();
}

}  // namespace trady::kernels
