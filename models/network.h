// A network: its tape, and what its checkpoint says about images and classes.
#pragma once

#include <cstdint>
#include <string>

#include "engine/tape.h"

namespace trady {

/// The classifier of every network: a linear layer after pooling, and its parameters.
inline constexpr const char* kHeadName = "classifier";
inline constexpr const char* kHeadWeight = "classifier.weight";  ///< [classes, features]
inline constexpr const char* kHeadBias = "classifier.bias";      ///< [classes]

struct NetworkOptions {
  int64_t image_size = 128;
  int64_t classes = 1000;
  /// The last 1x1 convolution before pooling of the paper's networks (docs/method.md section 3).
  bool mix = false;
  Normalization normalization;
  BatchNormMode batch_norm = BatchNormMode::folded;
};

struct Network {
  std::string name;
  NetworkOptions options;
  Tape tape;
};

}  // namespace trady
