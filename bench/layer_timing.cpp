#include "bench/layer_timing.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace trady::bench {
namespace {

double now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(since).count();
}

double time_of(const std::function<void()>& side, int64_t calls) {
  const double start = now_us();
  for (int64_t i = 0; i < calls; ++i) side();
  return (now_us() - start) / static_cast<double>(calls);
}

/// Calls that take about `round_us`; also warms the side up.
int64_t calls_for(const std::function<void()>& side, double round_us) {
  side();
  const double once = std::max(0.1, time_of(side, 1));
  return std::max<int64_t>(1, static_cast<int64_t>(round_us / once));
}

double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

}  // namespace

PairedTime time_in_turn(const std::function<void()>& ours, const std::function<void()>& other,
                        int rounds, double round_us) {
  const int64_t our_calls = calls_for(ours, round_us);
  const int64_t other_calls = calls_for(other, round_us);
  std::vector<double> our_times, other_times;
  for (int round = 0; round < rounds; ++round) {
    our_times.push_back(time_of(ours, our_calls));
    other_times.push_back(time_of(other, other_calls));
  }
  return {median(std::move(our_times)), median(std::move(other_times))};
}

TestFloats::TestFloats(int64_t count) {
  // Never empty, so that a pass that wants no scratch still gets a valid pointer.
  const auto floats = static_cast<size_t>(std::max<int64_t>(count, 16));
  data_.reset(static_cast<float*>(::operator new (floats * 4, std::align_val_t{64})));
  uint32_t state = 1;
  for (size_t i = 0; i < floats; ++i) {
    state = state * 1664525u + 1013904223u;
    data_.get()[i] = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
}

}  // namespace trady::bench
