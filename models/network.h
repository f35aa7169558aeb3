// A network: its tape, and what its checkpoint says about images and classes.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "engine/tape.h"

namespace trady {

struct NetworkOptions {
  int64_t image_size = 128;
  int64_t classes = 1000;
  /// The last 1x1 convolution before pooling of the paper's networks (docs/method.md section 3).
  bool mix = false;
  Normalization normalization;
  BatchNormMode batch_norm = BatchNormMode::folded;
  std::optional<double> batch_norm_epsilon;  ///< absent: the one that the network was made with
  double width = 1;                          ///< multiplies the channels of mobilenet_v2
};

struct Network {
  std::string name;
  NetworkOptions options;
  Tape tape;
};

/// The parameters of the classifier: [classes, features] and [classes].
inline std::set<std::string> head_parameters(const Network& network) {
  return {network.tape.head() + ".weight", network.tape.head() + ".bias"};
}

}  // namespace trady
