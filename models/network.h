// A network: its tape, and what its checkpoint says about images and classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/tape.h"

namespace trady {

struct NetworkOptions {
  int64_t image_size = 128;
  int64_t classes = 1000;
  /// The last 1x1 convolution before pooling of the paper's float networks (method.md section 3).
  bool mix = false;
  Normalization normalization;
};

struct Network {
  std::string name;
  NetworkOptions options;
  Tape tape;
};

}  // namespace trady
