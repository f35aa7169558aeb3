// Primitives of the CPU backend that are too small to be compiled for each instruction set: plain
// loops, which the compiler vectorises for the baseline. Contracts: kernels/backend.h.
#pragma once

#include "kernels/backend.h"

namespace trady::kernels::cpu {

void mean_pool_forward(const float* x, int64_t batch, int64_t positions, int64_t channel_count,
                       float* y);
void mean_pool_backward(const float* dy, int64_t batch, int64_t positions, int64_t channel_count,
                        float* dx);
void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes,
                   double scale);
void normalize(const uint8_t* pixels, int64_t positions, const double mean[3], const double std[3],
               float* x);
double sum_squares(const float* x, int64_t elements);
void sgd(const ConvShape& shape, const SgdArgs& args);
void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const float* dw,
                 double* norms);

}  // namespace trady::kernels::cpu
