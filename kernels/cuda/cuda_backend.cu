// The CUDA backend: chooses a pass for every convolution, runs the small primitives, and holds the
// stream and a small workspace. It has no kernels of its own.
#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>

#include "kernels/cuda/depthwise_passes.h"
#include "kernels/cuda/device/launch.cuh"
#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/gemm_passes.h"
#include "kernels/cuda/gpu_choice.h"
#include "kernels/cuda/graph_capture.h"
#include "kernels/cuda/image_transform.h"
#include "kernels/cuda/nvtx_ranges.h"
#include "kernels/cuda/pinned_transfers.h"
#include "kernels/cuda/small_ops.h"
#include "kernels/cuda/vendor_passes.h"
#include "kernels/shape_check.h"

namespace trady::kernels::cuda {
namespace {

const float* floats(const void* p) {
  return static_cast<const float*>(p);
}
float* floats(void* p) {
  return static_cast<float*>(p);
}

GpuInventory take_inventory() {
  GpuInventory inventory;
  check(cudaRuntimeGetVersion(&inventory.runtime_version), "asking for the runtime's version");
  check(cudaDriverGetVersion(&inventory.driver_version), "asking for the driver's version");
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    cudaGetLastError();  // it is in the inventory: later calls must not meet it again
    inventory.error = std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status);
    return inventory;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, i), "asking for a GPU's properties");
    inventory.gpus.push_back({properties.name, properties.major, properties.minor});
  }
  return inventory;
}

/// As nvcc names it: "sm_90".
std::string architecture_of(const Gpu& gpu) {
  return "sm_" + std::to_string(gpu.major) + std::to_string(gpu.minor);
}

/// Sizes that kernels can index in 32 bits.
void check_indexable(const char* op, std::initializer_list<int64_t> tensors) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  for (const int64_t elements : tensors) {
    if (elements > kMost) {
      throw std::invalid_argument(std::string("[cuda] a ") + op + "'s tensor has " +
                                  std::to_string(elements) + " elements, and kernels index " +
                                  std::to_string(kMost) + " at most; use a smaller micro-batch");
    }
  }
}

void check_indexable(const ConvShape& shape) {
  check_shape(shape);
  check_indexable("convolution",
                  {shape.in_elements(), shape.out_elements(), shape.weight_elements()});
}

void check_indexable(const MaxPoolShape& s) {
  check_shape(s);
  check_indexable("max pooling", {s.batch * s.in_h * s.in_w * s.channels,
                                  s.batch * s.out_h() * s.out_w() * s.channels});
}

void check_indexable(const ShortcutShape& s) {
  check_shape(s);
  check_indexable("shortcut",
                  {s.batch * s.in_h * s.in_w * s.in_c, s.batch * s.out_h() * s.out_w() * s.out_c});
}

/// A stream of our own, or one that is lent.
class StreamHolder {
 public:
  explicit StreamHolder(void* lent) : stream_(static_cast<cudaStream_t>(lent)), own_(!lent) {
    if (own_) {
      check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
    }
  }
  StreamHolder(const StreamHolder&) = delete;
  StreamHolder& operator=(const StreamHolder&) = delete;
  ~StreamHolder() {
    if (own_) cudaStreamDestroy(stream_);
  }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_;
  bool own_;
};

constexpr int64_t kSquareSumsBytes = kSumSquaresBlocks * int64_t{sizeof(double)};
constexpr int64_t kPartialSumsBytes = std::max(kGradBiasPartialSums * int64_t{sizeof(float)},
                                               kBatchNormPieceSums* int64_t{sizeof(double)});
constexpr int64_t kWorkspaceBytes = kSquareSumsBytes + kPartialSumsBytes;

/// What reductions without a scratch of their own need. One stream uses it, so one is enough.
class Workspace {
 public:
  Workspace() : memory_(static_cast<char*>(allocate_on_device(kWorkspaceBytes))) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { free_on_device(memory_); }

  double* square_sums() const { return reinterpret_cast<double*>(memory_); }
  /// One memory for both: what a primitive leaves there ends with it.
  float* bias_sums() const { return reinterpret_cast<float*>(memory_ + kSquareSumsBytes); }
  double* batch_norm_sums() const { return reinterpret_cast<double*>(memory_ + kSquareSumsBytes); }

 private:
  char* memory_;
};

class HandwrittenBackend final : public CudaBackend {
 public:
  HandwrittenBackend(const CudaOptions& options, const Gpu& gpu)
      : precision_(options.precision),
        gpu_(gpu),
        stream_holder_(options.stream),
        vendors_({options.precision, architecture_of(gpu), options.only, stream_holder_.get()}) {}

  std::string name() const override { return "cuda"; }
  std::string isa() const override {
    return architecture_of(gpu_) + " " + gpu_.name +
           (precision_ == Precision::tf32 ? ", TF32" : ", fp32") + vendors_.versions();
  }
  DType dtype() const override { return DType::float32; }
  void* stream() const override { return work(); }
  int64_t workspace_bytes() const override { return kWorkspaceBytes; }

  void* allocate(int64_t bytes) const override { return allocate_on_device(bytes); }
  void release(void* memory) const override { free_on_device(memory); }
  void upload(const void* host, int64_t bytes, void* memory) const override {
    copy_and_wait(memory, host, bytes, cudaMemcpyHostToDevice, work());
  }
  void download(const void* memory, int64_t bytes, void* host) const override {
    copy_and_wait(host, memory, bytes, cudaMemcpyDeviceToHost, work());
  }
  void synchronize() const override { wait_for(work()); }
  bool on_host() const override { return false; }
  std::unique_ptr<Transfers> make_transfers(int slots, int64_t bytes_per_slot) const override {
    return make_pinned_transfers(slots, bytes_per_slot, work());
  }
  std::unique_ptr<Recording> record(const std::function<void()>& calls) const override {
    return waits_for_every_kernel() ? nullptr : capture_graph(calls, work());
  }

  std::unique_ptr<ConvForward> conv_forward(const ConvShape& shape,
                                            Activation activation) const override {
    check_indexable(shape);
    if (const auto* vendor = vendors_.chosen({ConvPass::forward, precision_, shape})) {
      if (auto pass = vendor->conv_forward(shape, activation)) return pass;
    }
    if (shape.depthwise) return make_depthwise_forward(shape, activation, work());
    return make_gemm_forward(shape, activation, precision_, work());
  }
  std::unique_ptr<ConvGradInput> conv_grad_input(const ConvShape& shape) const override {
    check_indexable(shape);
    if (const auto* vendor = vendors_.chosen({ConvPass::grad_input, precision_, shape})) {
      if (auto pass = vendor->conv_grad_input(shape)) return pass;
    }
    if (shape.depthwise) return make_depthwise_grad_input(shape, work());
    return make_gemm_grad_input(shape, precision_, work());
  }
  std::unique_ptr<ConvGradWeight> conv_grad_weight(const ConvShape& shape, SliceKind kind,
                                                   int64_t count) const override {
    check_indexable(shape);
    check_slices(shape, kind, count);
    const PassQuery query{ConvPass::grad_weight, precision_, shape, kind, count};
    if (const auto* vendor = vendors_.chosen(query)) {
      if (auto pass = vendor->conv_grad_weight(shape, kind, count)) return pass;
    }
    if (shape.depthwise) return make_depthwise_grad_weight(shape, count, work());
    return make_gemm_grad_weight(shape, kind, count, precision_, work());
  }

  void pack_channels(const void* x, int64_t positions, int64_t channel_count, ChannelList channels,
                     void* out) const override {
    cuda::pack_channels(floats(x), positions, channel_count, channels, floats(out), work());
  }
  void apply_mask(void* dy, const uint8_t* mask, int64_t elements) const override {
    cuda::apply_mask(floats(dy), mask, elements, work());
  }
  void grad_bias(const void* dy, int64_t positions, int64_t channel_count,
                 void* db) const override {
    cuda::grad_bias(floats(dy), positions, channel_count, workspace_.bias_sums(), floats(db),
                    work());
  }
  void mean_pool_forward(const void* x, int64_t batch, int64_t positions, int64_t channel_count,
                         void* y) const override {
    cuda::mean_pool_forward(floats(x), batch, positions, channel_count, floats(y), work());
  }
  void mean_pool_backward(const void* dy, int64_t batch, int64_t positions, int64_t channel_count,
                          void* dx) const override {
    cuda::mean_pool_backward(floats(dy), batch, positions, channel_count, floats(dx), work());
  }
  void max_pool_forward(const MaxPoolShape& shape, const void* x, void* y,
                        uint8_t* winner) const override {
    check_indexable(shape);
    cuda::max_pool_forward(shape, floats(x), floats(y), winner, work());
  }
  void max_pool_backward(const MaxPoolShape& shape, const void* dy, const uint8_t* winner,
                         void* dx) const override {
    check_indexable(shape);
    cuda::max_pool_backward(shape, floats(dy), winner, floats(dx), work());
  }
  void shortcut_forward(const ShortcutShape& shape, const void* x, void* y) const override {
    check_indexable(shape);
    cuda::shortcut_forward(shape, floats(x), floats(y), work());
  }
  void shortcut_backward(const ShortcutShape& shape, const void* dy, void* dx,
                         GradientMode mode) const override {
    check_indexable(shape);
    cuda::shortcut_backward(shape, floats(dy), floats(dx), mode, work());
  }
  void batch_statistics(const void* z, int64_t positions, int64_t channel_count, void* mean,
                        void* variance) const override {
    cuda::batch_statistics(floats(z), positions, channel_count, workspace_.batch_norm_sums(),
                           floats(mean), floats(variance), work());
  }
  void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                          Activation activation, const void* residual, void* y,
                          uint8_t* mask) const override {
    cuda::batch_norm_forward(buffers, positions, channel_count, activation, floats(residual),
                             floats(y), mask, work());
  }
  void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const void* dy,
                                  int64_t positions, int64_t channel_count, void* dgamma,
                                  void* dbeta) const override {
    cuda::batch_norm_grad_parameters(buffers, floats(dy), positions, channel_count,
                                     workspace_.batch_norm_sums(), floats(dgamma), floats(dbeta),
                                     work());
  }
  void batch_norm_grad_input(const BatchNormBuffers& buffers, const void* dy, const void* dgamma,
                             const void* dbeta, int64_t positions, int64_t channel_count,
                             void* dz) const override {
    cuda::batch_norm_grad_input(buffers, floats(dy), floats(dgamma), floats(dbeta), positions,
                                channel_count, floats(dz), work());
  }
  void update_statistics(const StepControl* control, const void* mean, const void* variance,
                         int64_t positions, int64_t channel_count, double momentum,
                         void* running_mean, void* running_variance) const override {
    cuda::update_statistics(control, floats(mean), floats(variance), positions, channel_count,
                            momentum, floats(running_mean), floats(running_variance), work());
  }
  void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes,
                     double scale) const override {
    cuda::cross_entropy(buffers, batch, classes, scale, work());
  }
  void normalize(const uint8_t* pixels, int64_t positions, const double mean[3],
                 const double std[3], void* x) const override {
    cuda::normalize(pixels, positions, mean, std, floats(x), work());
  }
  bool transforms_images() const override { return true; }
  int64_t image_scratch_bytes(int64_t count, int size) const override {
    return cuda::image_scratch_bytes(count, size);
  }
  void transform_images(const ImageBuffers& buffers, int64_t count, int size) const override {
    cuda::transform_images(buffers, count, size, work());
  }

  void add(const void* x, int64_t elements, void* out) const override {
    cuda::add(floats(x), elements, floats(out), work());
  }
  void copy(const void* x, int64_t elements, void* out) const override {
    if (elements == 0) return;
    check(cudaMemcpyAsync(out, x, bytes_of_floats(elements), cudaMemcpyDeviceToDevice, work()),
          "copy");
  }
  void zero(void* x, int64_t elements) const override {
    if (elements == 0) return;
    check(cudaMemsetAsync(x, 0, bytes_of_floats(elements), work()), "zero");
  }
  void scale_rows(void* x, ChannelList rows, int64_t columns, const void* scale) const override {
    cuda::scale_rows(floats(x), rows, columns, floats(scale), work());
  }
  void add_squares(const void* x, int64_t elements, double* sum) const override {
    cuda::add_squares(floats(x), elements, workspace_.square_sums(), sum, work());
  }
  void summarize(const BatchOutcome& outcome, StepControl* control) const override {
    cuda::summarize(outcome, control, work());
  }
  void judge(double clip_norm, StepControl* control, int32_t* halted) const override {
    cuda::judge(clip_norm, control, halted, work());
  }
  void sgd(const ConvShape& shape, const SgdArgs& args) const override {
    cuda::sgd(shape, args, work());
  }
  void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const void* dw,
                   double* norms) const override {
    cuda::slice_norms(shape, kind, count, floats(dw), norms, work());
  }

 private:
  static size_t bytes_of_floats(int64_t elements) {
    return static_cast<size_t>(elements) * sizeof(float);
  }
  cudaStream_t work() const { return stream_holder_.get(); }

  Precision precision_;
  Gpu gpu_;
  StreamHolder stream_holder_;
  Vendors vendors_;
  Workspace workspace_;
};

}  // namespace

std::unique_ptr<CudaBackend> make_cuda_backend(const CudaOptions& options) {
  const GpuInventory inventory = take_inventory();
  check_gpu(inventory, options.device);
  check(cudaSetDevice(options.device), "choosing the GPU");
  show_labels_to_profilers();
  return std::make_unique<HandwrittenBackend>(options,
                                              inventory.gpus[static_cast<size_t>(options.device)]);
}

}  // namespace trady::kernels::cuda
