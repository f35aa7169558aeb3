// The dense weight gradient by oneDNN, for comparison.
#include "kernels/cpu/dense_grad_weight.h"
#include "kernels/cpu/onednn_runtime.h"

namespace trady::kernels::cpu {
namespace {

class GradWeight final : public DenseGradWeightOneDnn {
 public:
  explicit GradWeight(const ConvShape& shape)
      : shape_(shape), desc_(describe()), primitive_(desc_) {}

  std::string implementation() const override { return desc_.impl_info_str(); }
  int64_t weight_gradient_bytes() const override {
    return static_cast<int64_t>(desc_.diff_weights_desc().get_size());
  }
  int64_t scratch_bytes() const override {
    return static_cast<int64_t>(desc_.scratchpad_desc().get_size());
  }
  void run(const float* x, const float* dy, void* dw, void* scratch) const override {
    const auto wrap = [](const dnnl::memory::desc& desc, const void* data) {
      return dnnl::memory(desc, onednn_engine(), const_cast<void*>(data));
    };
    primitive_.execute(onednn_stream(),
                       {{DNNL_ARG_SRC, wrap(shape_.x, x)},
                        {DNNL_ARG_DIFF_DST, wrap(shape_.y, dy)},
                        {DNNL_ARG_DIFF_WEIGHTS, wrap(desc_.diff_weights_desc(), dw)},
                        {DNNL_ARG_SCRATCHPAD, wrap(desc_.scratchpad_desc(), scratch)}});
    onednn_stream().wait();
  }

 private:
  dnnl::convolution_backward_weights::primitive_desc describe() const {
    onednn_stream();
    constexpr auto kDirect = dnnl::algorithm::convolution_direct;
    const dnnl::convolution_forward::desc forward(
        dnnl::prop_kind::forward_training, kDirect, shape_.x, shape_.any_weight, shape_.y,
        shape_.strides, shape_.padding_begin, shape_.padding_end);
    const dnnl::convolution_backward_weights::desc desc(kDirect, shape_.x, shape_.any_weight,
                                                        shape_.y, shape_.strides,
                                                        shape_.padding_begin, shape_.padding_end);
    return {desc, user_scratchpad(), onednn_engine(), {forward, onednn_engine()}};
  }

  OneDnnShape shape_;
  dnnl::convolution_backward_weights::primitive_desc desc_;
  dnnl::convolution_backward_weights primitive_;
};

}  // namespace

std::unique_ptr<DenseGradWeightOneDnn> make_dense_grad_weight_onednn(const ConvShape& shape) {
  return std::make_unique<GradWeight>(shape);
}

}  // namespace trady::kernels::cpu
