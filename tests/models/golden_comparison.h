// What comparisons with values of another framework share.
#pragma once

#include <catch2/catch.hpp>
#include <vector>

#include "engine/step/step_planner.h"

namespace trady::testing {

inline double nmse(const std::vector<double>& value, const std::vector<double>& truth) {
  REQUIRE(value.size() == truth.size());
  double error = 0, power = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    error += (value[i] - truth[i]) * (value[i] - truth[i]);
    power += truth[i] * truth[i];
  }
  return power > 0 ? error / power : error;
}

/// Gradient sums in the order of the checkpoint ([O][I][k][k]).
inline std::vector<double> in_disk_order(const GradientSlot& slot,
                                         const std::vector<double>& values) {
  std::vector<double> result;
  const auto& s = slot.shape;
  const int64_t in = slot.is_bias || s.depthwise ? 1 : s.in_c;
  const int64_t taps = slot.is_bias ? 1 : s.taps();
  for (int64_t o = 0; o < slot.elements / (in * taps); ++o) {
    for (int64_t i = 0; i < in; ++i) {
      for (int64_t t = 0; t < taps; ++t) {
        result.push_back(values[static_cast<size_t>((o * taps + t) * in + i)]);
      }
    }
  }
  return result;
}

}  // namespace trady::testing
