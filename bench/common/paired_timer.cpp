#include "bench/common/paired_timer.h"

#include <algorithm>
#include <cmath>

namespace trady::bench {

Quartiles quartiles(std::vector<double> samples) {
  std::ranges::sort(samples);
  const auto at = [&](double share) {
    const double position = share * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<size_t>(position);
    const size_t above = std::min(below + 1, samples.size() - 1);
    return std::lerp(samples[below], samples[above], position - std::floor(position));
  };
  if (samples.empty()) return {};
  return {at(0.25), at(0.5), at(0.75)};
}

std::vector<TimedSide> time_in_turn(const std::vector<Side>& sides, int rounds) {
  std::vector<TimedSide> timed;
  for (const Side& side : sides) {
    side.round();
    timed.push_back({side.name, {}, {}});
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < sides.size(); ++i) {
      const size_t turn = round % 2 == 0 ? i : sides.size() - 1 - i;
      timed[turn].samples.push_back(sides[turn].round());
    }
  }
  for (TimedSide& side : timed) side.quartiles = quartiles(side.samples);
  return timed;
}

TimeRatio time_ratio(const TimedSide& side, const TimedSide& base) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(side.samples.size(), base.samples.size()); ++i) {
    ratios.push_back(side.samples[i] / base.samples[i]);
  }
  return {side.quartiles.median / base.quartiles.median, quartiles(std::move(ratios))};
}

}  // namespace trady::bench
