#include "selection/rgn.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/error.h"

namespace trady {

RgnAccumulator::RgnAccumulator(CostModel costs)
    : costs_(std::move(costs)),
      epoch_sum_(costs_.convs().size(), 0.0),
      total_(costs_.convs().size(), 0.0),
      added_(costs_.convs().size(), false) {}

void RgnAccumulator::add(int conv, std::span<const double> norms) {
  const int64_t channels = costs_.convs().at(conv).shape.in_c;
  if (static_cast<int64_t>(norms.size()) != channels) {
    fail("[rgn] conv ", conv, " has ", channels, " input channels, got ", norms.size(), " norms");
  }
  if (added_[conv]) fail("[rgn] conv ", conv, " was added twice in one step");
  added_[conv] = true;
  const double sum = std::accumulate(norms.begin(), norms.end(), 0.0);
  epoch_sum_[conv] += sum / static_cast<double>(costs_.unit(conv).total());
}

void RgnAccumulator::end_step() {
  const auto missing = std::ranges::find(added_, false);
  if (missing != added_.end()) {
    fail("[rgn] conv ", missing - added_.begin(), " has no norms in this step; rank with full");
  }
  added_.assign(added_.size(), false);
  ++steps_;
}

void RgnAccumulator::end_epoch() {
  if (steps_ == 0) fail("[rgn] the epoch had no step; is the training set smaller than a batch?");
  for (size_t conv = 0; conv < total_.size(); ++conv) {
    total_[conv] += epoch_sum_[conv] / steps_;
    epoch_sum_[conv] = 0;
  }
  steps_ = 0;
}

}  // namespace trady
