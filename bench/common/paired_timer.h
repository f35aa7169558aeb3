// Timing of several sides in turn, so that all of them meet the same disturbances.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace trady::bench {

struct Side {
  std::string name;
  /// Runs one round and returns its time a call, in the unit that the caller wants to read.
  std::function<double()> round;
};

/// Percentiles with linear interpolation, as numpy.percentile.
struct Quartiles {
  double lower = 0, median = 0, upper = 0;
};
Quartiles quartiles(std::vector<double> samples);

struct TimedSide {
  std::string name;
  std::vector<double> samples;  ///< one a round
  Quartiles quartiles;
};

/// Every side once without counting it, then `rounds` rounds of all sides, every other round in
/// reverse order: a machine that slows down steadily favours nobody.
std::vector<TimedSide> time_in_turn(const std::vector<Side>& sides, int rounds);

/// How many times as long `side` takes as `base`.
struct TimeRatio {
  double of_medians = 0;
  Quartiles by_round;  ///< of the rounds' own ratios: how far the ratio can be trusted
};
TimeRatio time_ratio(const TimedSide& side, const TimedSide& base);

}  // namespace trady::bench
