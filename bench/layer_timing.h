// Timing of single layers: two sides in turn, so that both meet the same disturbances.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/conv_layer.h"

namespace trady::bench {

struct PairedTime {
  double ours_us = 0;   ///< median time of one call; or a sum of medians over layers
  double other_us = 0;  ///< the same of the other side
  std::vector<double> ours_samples_us, other_samples_us;  ///< one a round; none for a sum

  void add(const PairedTime& layer);
};

/// {"ours_us", "onednn_us", "ratio"} and, of a single layer, {"ours_samples_us",
/// "onednn_samples_us"}.
nlohmann::json json_of(const PairedTime& time);

/// "HxWxC" of a layer's input.
std::string input_text(const kernels::ConvShape& shape);

/// {"conv", "name", "input", "out_channels", "kernel", "depthwise"}
nlohmann::json json_of(const ConvLayer& layer);

/// Runs the sides in turn for `rounds` rounds of at least `round_us` microseconds each.
PairedTime time_in_turn(const std::function<void()>& ours, const std::function<void()>& other,
                        int rounds, double round_us);

/// 64-byte aligned floats with values in [-1, 1) that repeat from run to run.
class TestFloats {
 public:
  explicit TestFloats(int64_t count);
  float* data() { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace trady::bench
