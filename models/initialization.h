// Parameters that start without a checkpoint.
#pragma once

#include <cstdint>

#include "engine/parameters.h"
#include "models/network.h"

namespace trady::models {

/// Of the classifier: weights normal(0, 0.01), bias 0 (docs/method.md section 6).
void initialize_head(const Network& network, Parameters& parameters, uint64_t seed);

/// Every parameter: He-normal weights by fan-in, biases 0, batch-norms that do nothing yet. Where
/// there are none, `residual_scale` stands in for them at the start of training: it multiplies the
/// last convolution of each residual branch.
void initialize_from_scratch(const Network& network, Parameters& parameters, uint64_t seed,
                             double residual_scale);

}  // namespace trady::models
