// y = activation(conv(x, w) + bias + residual) for pointwise, k x k and linear layers. The epilogue
// of the matrix product adds, clips, packs the mask's bits and the selected channels: the output is
// written once, and read again only where its channels do not fill whole bytes of the mask.
#include "kernels/cuda/device/activation.cuh"
#include "kernels/cuda/gemm_conv.cuh"
#include "kernels/cuda/gemm_passes.h"
#include "kernels/cuda/mask_from_output.h"
#include "kernels/cuda/traffic.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

struct ForwardEpilogue {
  const float* bias;      // [columns]
  const float* residual;  // [rows, columns] or null; may be y
  float* y;               // [rows, columns]
  uint8_t* mask;          // bits in flat order, or null; columns % 8 == 0
  PackedSave save;        // slot [columns], out [rows, count]
  int rows, columns;
  Activation activation;

  /// The activation's bit.
  __device__ __forceinline__ unsigned write(int row, int column, float sum) const {
    if (row >= rows || column >= columns) return 0;
    const int64_t at = static_cast<int64_t>(row) * columns + column;
    float v = sum + bias[column];
    if (residual != nullptr) v += residual[at];
    const float activated = activate(v, activation);
    y[at] = activated;
    if (save.slot != nullptr && save.slot[column] >= 0) {
      static_cast<float*>(save.out)[row * save.count + save.slot[column]] = activated;
    }
    return passes_gradient(v, activation) ? 1 : 0;
  }

  /// Two neighbouring columns; the four lanes of a row hold eight, a byte of the mask.
  __device__ __forceinline__ void operator()(int row, int column, float first, float second) const {
    unsigned bits = write(row, column, first);
    bits |= write(row, column + 1, second) << 1;
    if (mask == nullptr) return;
    const int member = static_cast<int>(threadIdx.x) % 4;
    bits <<= 2 * member;
    bits |= __shfl_xor_sync(0xffffffffu, bits, 1);
    bits |= __shfl_xor_sync(0xffffffffu, bits, 2);
    if (member == 0 && row < rows && column < columns) {
      mask[(static_cast<int64_t>(row) * columns + column) / 8] = static_cast<uint8_t>(bits);
    }
  }
};

class GemmForward final : public ConvForward {
 public:
  GemmForward(const ConvShape& shape, Activation activation, Precision precision,
              cudaStream_t stream)
      : shape_(shape), activation_(activation), precision_(precision), stream_(stream) {
    check_shape(shape);
  }

  int64_t scratch_bytes() const override { return 0; }

  bool packs_output() const override { return true; }
  void run(const Buffers& b) const override {
    const bool mask_in_epilogue = b.mask != nullptr && shape_.out_c % 8 == 0;
    work_counters().count_forward(shape_.multiply_adds(),
                                  forward_bytes(shape_, {.residual = b.residual != nullptr,
                                                         .mask = b.mask != nullptr,
                                                         .mask_from_output = !mask_in_epilogue,
                                                         .saves = b.save.slot != nullptr,
                                                         .saved_channels = b.save.count}));
    const ForwardEpilogue epilogue{static_cast<const float*>(b.bias),
                                   static_cast<const float*>(b.residual),
                                   static_cast<float*>(b.y),
                                   mask_in_epilogue ? b.mask : nullptr,
                                   b.save,
                                   static_cast<int>(shape_.out_positions()),
                                   static_cast<int>(shape_.out_c),
                                   activation_};
    const int depth = static_cast<int>(shape_.taps() * shape_.in_c);
    const GemmConv g{static_cast<const float*>(b.x),
                     static_cast<const float*>(b.w),
                     epilogue.rows,
                     epilogue.columns,
                     static_cast<int>(shape_.in_c),
                     depth,
                     shape_.in_c % 4 == 0,
                     depth % 4 == 0,
                     Window(shape_)};
    launch_gemm_conv<Pass::forward>("conv_forward", g, precision_, epilogue, stream_);
    if (b.mask != nullptr && !mask_in_epilogue) {
      mask_from_output(epilogue.y, shape_.out_elements(), activation_, b.mask, stream_);
    }
  }

 private:
  ConvShape shape_;
  Activation activation_;
  Precision precision_;
  cudaStream_t stream_;
};

}  // namespace

std::unique_ptr<ConvForward> make_gemm_forward(const ConvShape& shape, Activation activation,
                                               Precision precision, cudaStream_t stream) {
  return std::make_unique<GemmForward>(shape, activation, precision, stream);
}

}  // namespace trady::kernels::cuda
