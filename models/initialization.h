// Parameters that start without a checkpoint.
#pragma once

#include <cstdint>

#include "engine/parameters.h"
#include "models/network.h"

namespace trady::models {

/// Of the classifier: weights normal(0, 0.01), bias 0 (docs/method.md section 6).
void initialize_head(Parameters& parameters, uint64_t seed);

/// Every parameter: He-normal weights by fan-in, biases 0; the last convolution of each residual
/// branch scaled by `residual_scale`, which stands in for batch-norm at the start of training.
/// A convolution whose name ends in ".project" is taken to have no ReLU behind it, every other one
/// to have one: a builder of its own must name its convolutions so.
void initialize_from_scratch(const Network& network, Parameters& parameters, uint64_t seed,
                             double residual_scale);

}  // namespace trady::models
