// The device of plans: it executes shapes and allocations and no arithmetic, so that any network
// at any size is checked in milliseconds. Device buffers are never touched. Multiply-adds of the
// convolutions are counted as a real device would, and what the host reads back (losses,
// predictions, norms) is zero.
#include <algorithm>

#include "kernels/backend.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels {
namespace {

class NullConvForward final : public ConvForward {
 public:
  explicit NullConvForward(const ConvShape& shape) {
    check_shape(shape);
    multiply_adds_ = shape.multiply_adds();
  }
  int64_t scratch_bytes() const override { return 0; }
  void run(const Buffers&) const override {
    work_counters().forward.fetch_add(multiply_adds_, std::memory_order_relaxed);
  }

 private:
  int64_t multiply_adds_ = 0;
};

class NullConvGradInput final : public ConvGradInput {
 public:
  explicit NullConvGradInput(const ConvShape& shape) {
    check_shape(shape);
    multiply_adds_ = shape.multiply_adds();
  }
  int64_t scratch_bytes() const override { return 0; }
  void run(const Buffers&, GradientMode) const override {
    work_counters().grad_input.fetch_add(multiply_adds_, std::memory_order_relaxed);
  }

 private:
  int64_t multiply_adds_ = 0;
};

class NullConvGradWeight final : public ConvGradWeight {
 public:
  NullConvGradWeight(const ConvShape& shape, SliceKind kind, int64_t count) {
    check_slices(shape, kind, count);
    multiply_adds_ = shape.multiply_adds() / channels_of_kind(shape, kind) * count;
  }
  int64_t scratch_bytes() const override { return 0; }
  void run(const Buffers&) const override {
    work_counters().grad_weight.fetch_add(multiply_adds_, std::memory_order_relaxed);
  }

 private:
  int64_t multiply_adds_ = 0;
};

class NullBackend final : public Backend {
 public:
  explicit NullBackend(DType dtype) : dtype_(dtype) {}
  std::string name() const override { return "null"; }
  std::string isa() const override { return "none"; }
  DType dtype() const override { return dtype_; }

  std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape, Activation) const override {
    return std::make_unique<NullConvForward>(shape);
  }
  std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const override {
    return std::make_unique<NullConvGradInput>(shape);
  }
  std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                   int64_t count) const override {
    return std::make_unique<NullConvGradWeight>(shape, kind, count);
  }

  void pack_channels(const void*, int64_t, int64_t, ChannelList, void*) const override {}
  void apply_mask(void*, const uint8_t*, int64_t) const override {}
  void grad_bias(const void*, int64_t, int64_t, void*) const override {}
  void mean_pool_forward(const void*, int64_t, int64_t, int64_t, void*) const override {}
  void mean_pool_backward(const void*, int64_t, int64_t, int64_t, void*) const override {}
  void max_pool_forward(const MaxPoolShape& shape, const void*, void*, uint8_t*) const override {
    check_shape(shape);
  }
  void max_pool_backward(const MaxPoolShape&, const void*, const uint8_t*, void*) const override {}
  void shortcut_forward(const ShortcutShape& shape, const void*, void*) const override {
    check_shape(shape);
  }
  void shortcut_backward(const ShortcutShape&, const void*, void*, GradientMode) const override {}
  void batch_statistics(const void*, int64_t, int64_t, void*, void*) const override {}
  void batch_norm_forward(const BatchNormBuffers&, int64_t, int64_t, Activation, const void*, void*,
                          uint8_t*) const override {}
  void batch_norm_grad_parameters(const BatchNormBuffers&, const void*, int64_t, int64_t, void*,
                                  void*) const override {}
  void batch_norm_grad_input(const BatchNormBuffers&, const void*, const void*, const void*,
                             int64_t, int64_t, void*) const override {}
  void update_statistics(const StepControl*, const void*, const void*, int64_t, int64_t, double,
                         void*, void*) const override {}
  void scale_rows(void*, ChannelList, int64_t, const void*) const override {}
  void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t,
                     double) const override {
    std::fill_n(buffers.loss, batch, 0.0);
    std::fill_n(buffers.predicted, batch, 0);
  }
  void normalize(const uint8_t*, int64_t, const double[3], const double[3], void*) const override {}
  void add(const void*, int64_t, void*) const override {}
  void copy(const void*, int64_t, void*) const override {}
  void zero(void*, int64_t) const override {}
  void add_squares(const void*, int64_t, double*) const override {}
  void sgd(const ConvShape&, const SgdArgs&) const override {}
  void slice_norms(const ConvShape&, SliceKind, int64_t count, const void*,
                   double* norms) const override {
    std::fill_n(norms, count, 0.0);
  }

 private:
  DType dtype_;
};

}  // namespace

std::unique_ptr<Backend> make_null_backend(DType dtype) {
  return std::make_unique<NullBackend>(dtype);
}

}  // namespace trady::kernels
