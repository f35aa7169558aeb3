// Launchers of the primitives that are not convolutions; contracts as in kernels/backend.h, all
// pointers to device memory unless it says otherwise, work enqueued on `stream`.
#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "kernels/cuda/device/runtime.cuh"

namespace trady::kernels::cuda {

void pack_channels(const float* x, int64_t positions, int64_t channel_count, ChannelList channels,
                   float* out, cudaStream_t stream);
void apply_mask(float* dy, const uint8_t* mask, int64_t elements, cudaStream_t stream);
void add(const float* x, int64_t elements, float* out, cudaStream_t stream);
void scale_rows(float* x, ChannelList rows, int64_t columns, const float* scale,
                cudaStream_t stream);
/// mean, std: [3], in host memory.
void normalize(const uint8_t* pixels, int64_t positions, const double* mean, const double* std,
               float* x, cudaStream_t stream);

/// Floats of `partial_sums` that grad_bias makes use of; with fewer it is only slower.
constexpr int64_t kGradBiasPartialSums = int64_t{1} << 18;
/// partial_sums: [kGradBiasPartialSums], content undefined before and after.
void grad_bias(const float* dy, int64_t positions, int64_t channel_count, float* partial_sums,
               float* db, cudaStream_t stream);

void mean_pool_forward(const float* x, int64_t batch, int64_t positions, int64_t channel_count,
                       float* y, cudaStream_t stream);
void mean_pool_backward(const float* dy, int64_t batch, int64_t positions, int64_t channel_count,
                        float* dx, cudaStream_t stream);

void max_pool_forward(const MaxPoolShape& shape, const float* x, float* y, uint8_t* winner,
                      cudaStream_t stream);
void max_pool_backward(const MaxPoolShape& shape, const float* dy, const uint8_t* winner, float* dx,
                       cudaStream_t stream);
void shortcut_forward(const ShortcutShape& shape, const float* x, float* y, cudaStream_t stream);
void shortcut_backward(const ShortcutShape& shape, const float* dy, float* dx, GradientMode mode,
                       cudaStream_t stream);

/// Doubles of `piece_sums` that the sums of batch-norm make use of; with fewer they are only
/// slower.
constexpr int64_t kBatchNormPieceSums = int64_t{1} << 17;
/// piece_sums: [kBatchNormPieceSums], content undefined before and after.
void batch_statistics(const float* z, int64_t positions, int64_t channel_count, double* piece_sums,
                      float* mean, float* variance, cudaStream_t stream);
void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation, const float* residual, float* y, uint8_t* mask,
                        cudaStream_t stream);
/// piece_sums: as of batch_statistics.
void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const float* dy, int64_t positions,
                                int64_t channel_count, double* piece_sums, float* dgamma,
                                float* dbeta, cudaStream_t stream);
void batch_norm_grad_input(const BatchNormBuffers& buffers, const float* dy, const float* dgamma,
                           const float* dbeta, int64_t positions, int64_t channel_count, float* dz,
                           cudaStream_t stream);
void update_statistics(const StepControl* control, const float* mean, const float* variance,
                       int64_t positions, int64_t channel_count, double momentum,
                       float* running_mean, float* running_variance, cudaStream_t stream);

void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes, double scale,
                   cudaStream_t stream);

constexpr int64_t kSumSquaresBlocks = 256;
/// partial_sums: [kSumSquaresBlocks], content undefined before and after.
void add_squares(const float* x, int64_t elements, double* partial_sums, double* total,
                 cudaStream_t stream);

void summarize(const BatchOutcome& outcome, StepControl* control, cudaStream_t stream);
void judge(double clip_norm, StepControl* control, int32_t* halted, cudaStream_t stream);
void sgd(const ConvShape& shape, const SgdArgs& args, cudaStream_t stream);
void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const float* dw,
                 double* norms, cudaStream_t stream);

}  // namespace trady::kernels::cuda
