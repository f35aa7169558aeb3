#include "bench/layer_timing.h"

#include <algorithm>
#include <chrono>

#include "bench/common/paired_timer.h"

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

/// Rounds of as many calls as take about `round_us`; also warms the side up.
Side side_of(const std::function<void()>& call, double round_us) {
  call();
  const double once = std::max(0.1, time_of(call, 1));
  const int64_t calls = std::max<int64_t>(1, static_cast<int64_t>(round_us / once));
  return {"", [&call, calls] { return time_of(call, calls); }};
}

}  // namespace

void PairedTime::add(const PairedTime& layer) {
  ours_us += layer.ours_us;
  other_us += layer.other_us;
}

nlohmann::json json_of(const PairedTime& time) {
  nlohmann::json json{{"ours_us", time.ours_us},
                      {"onednn_us", time.other_us},
                      {"ratio", time.ours_us / time.other_us}};
  if (!time.ours_samples_us.empty()) {
    json["ours_samples_us"] = time.ours_samples_us;
    json["onednn_samples_us"] = time.other_samples_us;
  }
  return json;
}

std::string input_text(const kernels::ConvShape& shape) {
  return std::to_string(shape.in_h) + "x" + std::to_string(shape.in_w) + "x" +
         std::to_string(shape.in_c);
}

nlohmann::json json_of(const ConvLayer& layer) {
  const kernels::ConvShape& shape = layer.shape;
  return {{"conv", layer.index},
          {"name", layer.name},
          {"input", {shape.in_h, shape.in_w, shape.in_c}},
          {"out_channels", shape.out_c},
          {"kernel", shape.kernel},
          {"depthwise", shape.depthwise}};
}

PairedTime time_in_turn(const std::function<void()>& ours, const std::function<void()>& other,
                        int rounds, double round_us) {
  const std::vector<TimedSide> timed =
      time_in_turn({side_of(ours, round_us), side_of(other, round_us)}, rounds);
  return {timed[0].quartiles.median, timed[1].quartiles.median, timed[0].samples, timed[1].samples};
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
