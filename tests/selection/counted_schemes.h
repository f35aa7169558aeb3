// The costs of SU's schemes as tests/selection/independent_costs.py counts them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selection/cost_model.h"

namespace trady::test {

struct CountedScheme {
  std::string network, label, channels;
  ElementCost cost;
  int64_t weights_with_depthwise_one;
};

inline const std::vector<CountedScheme>& counted_schemes() {
  static const std::vector<CountedScheme> schemes{
#include "tests/selection/independent_su_costs.inc"
  };
  return schemes;
}

}  // namespace trady::test
