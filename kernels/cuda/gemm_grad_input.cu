// dx[q, c] (=|+=) sum over taps and output channels of dy[out(q, tap), o] w[o, tap, c], for
// pointwise, k x k and linear layers; zero where a mask has a clear bit. Taps that no output reads
// through are zeros in the tile.
#include "kernels/cuda/gemm_conv.cuh"
#include "kernels/cuda/gemm_passes.h"
#include "kernels/cuda/mask_bits.cuh"
#include "kernels/cuda/traffic.h"
#include "kernels/shape_check.h"
#include "kernels/work_counters.h"

namespace trady::kernels::cuda {
namespace {

struct GradInputEpilogue {
  float* dx;            // [rows, columns]
  const uint8_t* mask;  // [rows * columns / 8, up] or null
  int rows, columns;
  bool accumulate;

  __device__ __forceinline__ void write(int64_t at, float sum) const {
    const float value = accumulate ? dx[at] + sum : sum;
    dx[at] = mask == nullptr || mask_bit(mask, at) ? value : 0;
  }
  __device__ __forceinline__ void operator()(int row, int column, float first, float second) const {
    if (row >= rows) return;
    const int64_t at = static_cast<int64_t>(row) * columns + column;
    if (column < columns) write(at, first);
    if (column + 1 < columns) write(at + 1, second);
  }
};

class GemmGradInput final : public ConvGradInput {
 public:
  GemmGradInput(const ConvShape& shape, Precision precision, cudaStream_t stream)
      : shape_(shape), precision_(precision), stream_(stream) {
    check_shape(shape);
  }

  int64_t scratch_bytes() const override { return 0; }

  bool masks_gradient() const override { return true; }
  void run(const Buffers& b, GradientMode mode) const override {
    work_counters().count_grad_input(shape_.multiply_adds(),
                                     grad_input_bytes(shape_, mode, b.mask != nullptr));
    const GradInputEpilogue epilogue{
        static_cast<float*>(b.dx), b.mask, static_cast<int>(shape_.in_positions()),
        static_cast<int>(shape_.in_c), mode == GradientMode::accumulate};
    const GemmConv g{static_cast<const float*>(b.dy),
                     static_cast<const float*>(b.w),
                     epilogue.rows,
                     epilogue.columns,
                     static_cast<int>(shape_.out_c),
                     static_cast<int>(shape_.taps() * shape_.out_c),
                     shape_.out_c % 4 == 0,
                     shape_.in_c % 4 == 0,
                     Window(shape_)};
    launch_gemm_conv<Pass::grad_input>("conv_grad_input", g, precision_, epilogue, stream_);
  }

 private:
  ConvShape shape_;
  Precision precision_;
  cudaStream_t stream_;
};

}  // namespace

std::unique_ptr<ConvGradInput> make_gemm_grad_input(const ConvShape& shape, Precision precision,
                                                    cudaStream_t stream) {
  return std::make_unique<GemmGradInput>(shape, precision, stream);
}

}  // namespace trady::kernels::cuda
