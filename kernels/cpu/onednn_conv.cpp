// Convolution forward and grad_input by oneDNN, in NHWC, with weights in oneDNN's own layout.
#include <algorithm>
#include <utility>

#include "kernels/cpu/buffer_layout.h"
#include "kernels/cpu/onednn_passes.h"
#include "kernels/cpu/onednn_runtime.h"
#include "kernels/cpu/vector_kernels.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cpu {
namespace {

using dnnl::memory;

memory wrap(const memory::desc& desc, const void* data) {
  return memory(desc, onednn_engine(), const_cast<void*>(data));
}

int64_t bytes_of_desc(const memory::desc& desc) {
  return static_cast<int64_t>(desc.get_size());
}

/// The copy of the weight in the layout that a primitive wants; none if that is the plain one.
class WeightReorder {
 public:
  WeightReorder(memory::desc plain, memory::desc wanted)
      : plain_(std::move(plain)), wanted_(std::move(wanted)) {
    if (plain_ == wanted_) return;
    reorder_ = dnnl::reorder(
        dnnl::reorder::primitive_desc(onednn_engine(), plain_, onednn_engine(), wanted_));
  }
  int64_t bytes() const { return plain_ == wanted_ ? 0 : bytes_of_desc(wanted_); }
  void run(const void* w, void* prepared) const {
    if (plain_ == wanted_) return;
    memory from = wrap(plain_, w);
    memory to = wrap(wanted_, prepared);
    reorder_.execute(onednn_stream(), from, to);
    onednn_stream().wait();
  }

 private:
  memory::desc plain_, wanted_;
  dnnl::reorder reorder_;
};

class OneDnnForward final : public ConvForward {
 public:
  OneDnnForward(const ConvShape& shape, Activation activation, Clipping clipping)
      : shape_(shape),
        activation_(activation),
        clipping_(clipping),
        dnnl_shape_(shape),
        plain_desc_(describe(false)),
        residual_desc_(describe(true)),
        plain_(plain_desc_),
        with_residual_(residual_desc_),
        reorder_(dnnl_shape_.plain_weight, plain_desc_.weights_desc()) {}

  int64_t scratch_bytes() const override {
    return std::max(bytes_of_desc(plain_desc_.scratchpad_desc()),
                    bytes_of_desc(residual_desc_.scratchpad_desc()));
  }
  int64_t prepared_weight_bytes() const override { return reorder_.bytes(); }
  void prepare_weight(const void* w, void* prepared) const override { reorder_.run(w, prepared); }

  void run(const Buffers& buffers) const override {
    const bool adds = buffers.residual != nullptr;
    if (adds && buffers.residual != buffers.y) {
      std::copy_n(static_cast<const float*>(buffers.residual), shape_.out_elements(),
                  static_cast<float*>(buffers.y));
    }
    const auto& desc = adds ? residual_desc_ : plain_desc_;
    const auto& primitive = adds ? with_residual_ : plain_;
    primitive.execute(onednn_stream(),
                      {{DNNL_ARG_SRC, wrap(dnnl_shape_.x, buffers.x)},
                       {DNNL_ARG_WEIGHTS, wrap(desc.weights_desc(), buffers.w)},
                       {DNNL_ARG_BIAS, wrap(dnnl_shape_.bias, buffers.bias)},
                       {DNNL_ARG_DST, wrap(dnnl_shape_.y, buffers.y)},
                       {DNNL_ARG_SCRATCHPAD, wrap(desc.scratchpad_desc(), buffers.scratch)}});
    onednn_stream().wait();
    if (clipping_ == Clipping::keeps_nan) {
      vector_kernels().clip(static_cast<float*>(buffers.y), shape_.out_elements(), activation_);
    }
    if (buffers.mask != nullptr) {
      vector_kernels().write_mask(static_cast<const float*>(buffers.y), shape_.out_elements(),
                                  activation_, buffers.mask);
    }
    work_counters().forward.fetch_add(shape_.multiply_adds(), std::memory_order_relaxed);
  }

 private:
  dnnl::convolution_forward::primitive_desc describe(bool adds_residual) const {
    onednn_stream();  // holds the calling thread to one core, which sizes the scratchpad
    dnnl::post_ops post;
    if (adds_residual) post.append_sum();
    if (clipping_ == Clipping::keeps_nan) {
      // run() clips.
    } else if (activation_ == Activation::relu) {
      post.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    } else if (activation_ == Activation::relu6) {
      post.append_eltwise(1.0f, dnnl::algorithm::eltwise_clip, 0.0f, 6.0f);
    }
    dnnl::primitive_attr attributes = user_scratchpad();
    attributes.set_post_ops(post);
    const dnnl::convolution_forward::desc desc(
        dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, dnnl_shape_.x,
        adds_residual ? plain_desc_.weights_desc() : dnnl_shape_.any_weight, dnnl_shape_.bias,
        dnnl_shape_.y, dnnl_shape_.strides, dnnl_shape_.padding_begin, dnnl_shape_.padding_end);
    return {desc, attributes, onednn_engine()};
  }

  ConvShape shape_;
  Activation activation_;
  Clipping clipping_;
  OneDnnShape dnnl_shape_;
  dnnl::convolution_forward::primitive_desc plain_desc_, residual_desc_;
  dnnl::convolution_forward plain_, with_residual_;
  WeightReorder reorder_;
};

class OneDnnGradInput final : public ConvGradInput {
 public:
  explicit OneDnnGradInput(const ConvShape& shape)
      : shape_(shape),
        dnnl_shape_(shape),
        desc_(describe()),
        primitive_(desc_),
        reorder_(dnnl_shape_.plain_weight, desc_.weights_desc()),
        sum_floats_(aligned_floats(shape.in_elements())) {}

  /// oneDNN cannot accumulate: the product goes to scratch first and is added from there.
  int64_t scratch_bytes() const override {
    return sum_floats_ * 4 + bytes_of_desc(desc_.scratchpad_desc());
  }
  int64_t prepared_weight_bytes() const override { return reorder_.bytes(); }
  void prepare_weight(const void* w, void* prepared) const override { reorder_.run(w, prepared); }

  void run(const Buffers& buffers, GradientMode mode) const override {
    const bool accumulates = mode == GradientMode::accumulate;
    auto* scratch = static_cast<float*>(buffers.scratch);
    void* product = accumulates ? scratch : buffers.dx;
    primitive_.execute(onednn_stream(), {{DNNL_ARG_DIFF_DST, wrap(dnnl_shape_.y, buffers.dy)},
                                         {DNNL_ARG_WEIGHTS, wrap(desc_.weights_desc(), buffers.w)},
                                         {DNNL_ARG_DIFF_SRC, wrap(dnnl_shape_.x, product)},
                                         {DNNL_ARG_SCRATCHPAD,
                                          wrap(desc_.scratchpad_desc(), scratch + sum_floats_)}});
    onednn_stream().wait();
    if (accumulates) {
      vector_kernels().add(scratch, shape_.in_elements(), static_cast<float*>(buffers.dx));
    }
    work_counters().grad_input.fetch_add(shape_.multiply_adds(), std::memory_order_relaxed);
  }

 private:
  dnnl::convolution_backward_data::primitive_desc describe() const {
    onednn_stream();
    const dnnl::convolution_forward::desc forward(
        dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, dnnl_shape_.x,
        dnnl_shape_.any_weight, dnnl_shape_.y, dnnl_shape_.strides, dnnl_shape_.padding_begin,
        dnnl_shape_.padding_end);
    const dnnl::convolution_backward_data::desc desc(
        dnnl::algorithm::convolution_direct, dnnl_shape_.x, dnnl_shape_.any_weight, dnnl_shape_.y,
        dnnl_shape_.strides, dnnl_shape_.padding_begin, dnnl_shape_.padding_end);
    return {desc, user_scratchpad(), onednn_engine(), {forward, onednn_engine()}};
  }

  ConvShape shape_;
  OneDnnShape dnnl_shape_;
  dnnl::convolution_backward_data::primitive_desc desc_;
  dnnl::convolution_backward_data primitive_;
  WeightReorder reorder_;
  int64_t sum_floats_;
};

}  // namespace

std::unique_ptr<ConvForward> make_onednn_forward(const ConvShape& shape, Activation activation,
                                                 Clipping clipping) {
  return std::make_unique<OneDnnForward>(shape, activation, clipping);
}

std::unique_ptr<ConvGradInput> make_onednn_grad_input(const ConvShape& shape) {
  return std::make_unique<OneDnnGradInput>(shape);
}

}  // namespace trady::kernels::cpu
