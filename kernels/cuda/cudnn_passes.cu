// The three convolution passes through cuDNN (cudnn_graph.cuh). No kernels here.
#include "kernels/cuda/cudnn_passes.h"

#include "kernels/cuda/conv_epilogue.h"
#include "kernels/cuda/cudnn_graph.cuh"
#include "kernels/cuda/small_ops.h"
#include "kernels/cuda/traffic.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

using cudnn::Handle;
using cudnn::Library;
using cudnn::Plan;

class CudnnForward final : public ConvForward {
 public:
  CudnnForward(const ConvShape& shape, Activation activation, std::unique_ptr<Plan> plan,
               cudaStream_t stream)
      : shape_(shape), activation_(activation), plan_(std::move(plan)), stream_(stream) {}

  int64_t scratch_bytes() const override {
    return scratch_with_workspace(sums_bytes(), plan_->workspace_bytes());
  }

  bool packs_output() const override { return true; }
  void run(const Buffers& b) const override {
    work_counters().count_forward(shape_.multiply_adds(),
                                  vendor_forward_bytes(shape_, b, FinishedBy::us));
    auto* y = static_cast<float*>(b.y);
    auto* sums = b.residual == b.y ? static_cast<float*>(b.scratch) : y;
    plan_->run("cudnn_forward", b.x, b.w, sums, workspace_in(b.scratch, sums_bytes()));
    conv_epilogue({.sums = sums,
                   .bias = static_cast<const float*>(b.bias),
                   .residual = static_cast<const float*>(b.residual),
                   .y = y,
                   .mask = b.mask,
                   .save = b.save,
                   .positions = shape_.out_positions(),
                   .columns = shape_.out_c,
                   .activation = activation_},
                  stream_);
  }

 private:
  int64_t sums_bytes() const { return shape_.out_elements() * int64_t{sizeof(float)}; }

  ConvShape shape_;
  Activation activation_;
  std::unique_ptr<Plan> plan_;
  cudaStream_t stream_;
};

class CudnnGradInput final : public ConvGradInput {
 public:
  CudnnGradInput(const ConvShape& shape, std::unique_ptr<Plan> plan, cudaStream_t stream)
      : shape_(shape), plan_(std::move(plan)), stream_(stream) {}

  int64_t scratch_bytes() const override {
    return scratch_with_workspace(dx_bytes(), plan_->workspace_bytes());
  }

  void run(const Buffers& b, GradientMode mode) const override {
    const bool adds = mode == GradientMode::accumulate;
    work_counters().count_grad_input(shape_.multiply_adds(),
                                     grad_input_bytes(shape_, mode) + (adds ? 2 * dx_bytes() : 0));
    auto* dx = static_cast<float*>(b.dx);
    auto* summand = adds ? static_cast<float*>(b.scratch) : dx;
    plan_->run("cudnn_grad_input", summand, b.w, b.dy, workspace_in(b.scratch, dx_bytes()));
    if (adds) add(summand, shape_.in_elements(), dx, stream_);
  }

 private:
  int64_t dx_bytes() const { return shape_.in_elements() * int64_t{sizeof(float)}; }

  ConvShape shape_;
  std::unique_ptr<Plan> plan_;
  cudaStream_t stream_;
};

/// Of all channels: then packed x is x, and packed dw is dw.
class CudnnGradWeight final : public ConvGradWeight {
 public:
  CudnnGradWeight(const ConvShape& shape, std::unique_ptr<Plan> plan)
      : shape_(shape), plan_(std::move(plan)) {}

  int64_t scratch_bytes() const override {
    return scratch_with_workspace(0, plan_->workspace_bytes());
  }
  void run(const Buffers& b) const override {
    work_counters().count_grad_weight(
        shape_.multiply_adds(),
        grad_weight_bytes(shape_, SliceKind::input_channels, shape_.in_c, 0));
    plan_->run("cudnn_grad_weight", b.x, b.dw, b.dy, workspace_in(b.scratch, 0));
  }

 private:
  ConvShape shape_;
  std::unique_ptr<Plan> plan_;
};

class CudnnPasses final : public VendorPasses {
 public:
  CudnnPasses(Precision precision, cudaStream_t stream)
      : library_{.handle = Handle(stream), .precision = precision, .stream = stream} {}

  std::string version() const override { return library_version("cuDNN", cudnnGetVersion()); }
  std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape,
                                            Activation activation) const override {
    check_shape(shape);
    auto plan = Plan::find(library_, ConvPass::forward, shape);
    if (!plan) return nullptr;
    return std::make_unique<CudnnForward>(shape, activation, std::move(plan), library_.stream);
  }
  std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const override {
    check_shape(shape);
    auto plan = Plan::find(library_, ConvPass::grad_input, shape);
    if (!plan) return nullptr;
    return std::make_unique<CudnnGradInput>(shape, std::move(plan), library_.stream);
  }
  std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                   int64_t count) const override {
    check_slices(shape, kind, count);
    if (count < channels_of_kind(shape, kind)) return nullptr;
    auto plan = Plan::find(library_, ConvPass::grad_weight, shape);
    if (!plan) return nullptr;
    return std::make_unique<CudnnGradWeight>(shape, std::move(plan));
  }

 private:
  Library library_;
};

}  // namespace

std::unique_ptr<VendorPasses> make_cudnn_passes(Precision precision, void* stream) {
  return std::make_unique<CudnnPasses>(precision, static_cast<cudaStream_t>(stream));
}

}  // namespace trady::kernels::cuda
