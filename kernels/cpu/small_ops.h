// Primitives of the CPU backend that are too small to be compiled for each instruction set: plain
// loops, which the compiler vectorises for the baseline. Formulas, null pointers and values are
// those of the functions of the same name in kernels/backend.h; here are the shapes.
#pragma once

#include "kernels/backend.h"

namespace trady::kernels::cpu {

/// x: [batch, positions, channel_count], y: [batch, channel_count]
void mean_pool_forward(const float* x, int64_t batch, int64_t positions, int64_t channel_count,
                       float* y);
/// dy: [batch, channel_count], dx: [batch, positions, channel_count], overwritten
void mean_pool_backward(const float* dy, int64_t batch, int64_t positions, int64_t channel_count,
                        float* dx);
/// logits and dlogits: [batch, classes]; labels, loss, predicted: [batch]
void cross_entropy(const CrossEntropyBuffers& buffers, int64_t batch, int64_t classes,
                   double scale);
/// pixels, x: [positions, 3]
void normalize(const uint8_t* pixels, int64_t positions, const double mean[3], const double std[3],
               float* x);
/// x: [elements]. Partial sums are double; their number and order are fixed.
double sum_squares(const float* x, int64_t elements);
/// w: the whole weight, [C'][k][k][C] or depthwise [C][k][k]; dw packed as ConvGradWeight has it
void sgd(const ConvShape& shape, const SgdArgs& args);
/// x: [rows.count, columns]
void scale_rows(float* x, ChannelList rows, int64_t columns, const float* scale);
/// dw packed as ConvGradWeight has it; norms: [count]
void slice_norms(const ConvShape& shape, SliceKind kind, int64_t count, const float* dw,
                 double* norms);

}  // namespace trady::kernels::cpu
