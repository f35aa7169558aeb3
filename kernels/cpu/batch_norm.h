// Batch-norm on the CPU, by a team of threads if there is one. Formulas and what else may be null
// are those of the functions of the same name in kernels/backend.h.
#pragma once

#include "kernels/backend.h"

namespace trady::kernels::cpu {

/// z: [positions, channel_count]; mean, variance: [channel_count]
void batch_statistics(const float* z, int64_t positions, int64_t channel_count, float* mean,
                      float* variance, const Team* team);
/// residual, y: [positions, channel_count]
void batch_norm_forward(const BatchNormBuffers& buffers, int64_t positions, int64_t channel_count,
                        Activation activation, const float* residual, float* y, uint8_t* mask,
                        const Team* team);
/// dy: [positions, channel_count]; dgamma, dbeta: [channel_count]
void batch_norm_grad_parameters(const BatchNormBuffers& buffers, const float* dy, int64_t positions,
                                int64_t channel_count, float* dgamma, float* dbeta,
                                const Team* team);
/// dy, dz: [positions, channel_count]; dgamma, dbeta: [channel_count]
void batch_norm_grad_input(const BatchNormBuffers& buffers, const float* dy, const float* dgamma,
                           const float* dbeta, int64_t positions, int64_t channel_count, float* dz,
                           const Team* team);
/// mean, variance, running_mean, running_variance: [channel_count]
void update_statistics(const StepControl& control, const float* mean, const float* variance,
                       int64_t positions, int64_t channel_count, double momentum,
                       float* running_mean, float* running_variance);

}  // namespace trady::kernels::cpu
