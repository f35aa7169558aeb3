// Batch-norm on the CPU: plain loops over channels, which the compiler vectorises. Formulas and
// what may be null are those of the functions of the same name in kernels/backend.h.
#pragma once

#include "kernels/backend.h"

namespace trady::kernels::cpu {

/// z: [positions, channel_count]; mean, variance: [channel_count]
void batch_statistics(const float* z, int64_t positions, int64_t channel_count, float* mean,
                      float* variance);
/// residual, y: [positions, channel_count]
void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation, const float* residual, float* y, uint8_t* mask);
/// dy: [positions, channel_count]; dgamma, dbeta: [channel_count]
void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const float* dy, int64_t positions,
                                int64_t channel_count, float* dgamma, float* dbeta);
/// dy, dz: [positions, channel_count]; dgamma, dbeta: [channel_count]
void batch_norm_grad_input(const BatchNormBuffers& buffers, const float* dy, const float* dgamma,
                           const float* dbeta, int64_t positions, int64_t channel_count, float* dz);
/// mean, variance, running_mean, running_variance: [channel_count]
void update_statistics(const StepControl& control, const float* mean, const float* variance,
                       int64_t positions, int64_t channel_count, double momentum,
                       float* running_mean, float* running_variance);

}  // namespace trady::kernels::cpu
