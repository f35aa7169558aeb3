// Frozen batch-norms, merged into the convolutions before them (docs/method.md section 6).
//
// The parameter is the plain weight W, the network computes with s * W, and memory holds only the
// latter: a step costs what it costs without batch-norm. In exact arithmetic it is the same:
// SGD on W, W -= rate * s * d(s W), makes s W -= rate * s * (s * d(s W)) (StepState::update).
#pragma once

#include <span>
#include <vector>

#include "engine/parameters.h"
#include "engine/tape.h"

namespace trady {

/// After plain weights, gamma, beta and statistics have been loaded: fills the derived parameters
/// and multiplies the weights. Nothing is done on tapes of another mode.
void merge_batch_norms(const Tape& tape, Parameters& parameters);

/// The plain weight of a layer, as in a file (OIHW): each value of the merged one divided by s.
/// Where s is 0 it is 0: nothing is known of the weight there. `before`, if it is not empty, is the
/// plain weight that was merged once: its values stand where merging them gives what memory holds,
/// so that what no step has changed is the same to the last bit.
std::vector<double> plain_weight(const BatchNormLayer& layer, const Parameters& parameters,
                                 std::span<const double> before = {});

}  // namespace trady
