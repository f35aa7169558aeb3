// What one epoch may update: for every conv none, its bias, some channels, or everything.
#pragma once

#include <cstdint>
#include <vector>

namespace trady {

/// Of one convolution. Channel lists are ascending and without duplicates.
struct LayerUpdate {
  enum class Kind {
    none,             ///< frozen
    gradient,         ///< frozen, but backward reaches it: for bounds of what other plans need
    bias,             ///< the bias alone
    input_channels,   ///< W[:, c] for the listed c (docs/method.md section 1)
    output_channels,  ///< W[o, :] for the listed o (Velocity)
    all,              ///< the whole weight
  };
  Kind kind = Kind::none;
  std::vector<int32_t> channels;  ///< of input_channels / output_channels
  bool train_bias = false;        ///< beside the weight; implied by Kind::bias

  static LayerUpdate frozen() { return {}; }
  static LayerUpdate gradient_only() { return {Kind::gradient, {}, false}; }
  static LayerUpdate bias_only() { return {Kind::bias, {}, true}; }
  static LayerUpdate inputs(std::vector<int32_t> list) {
    return {Kind::input_channels, std::move(list), false};
  }
  static LayerUpdate outputs(std::vector<int32_t> list) {
    return {Kind::output_channels, std::move(list), false};
  }
  static LayerUpdate whole(bool with_bias) { return {Kind::all, {}, with_bias}; }

  /// An empty list is the same as `none`: nothing is saved and nothing computed.
  bool updates_weight() const {
    return kind == Kind::all ||
           ((kind == Kind::input_channels || kind == Kind::output_channels) && !channels.empty());
  }
  bool updates_anything() const { return updates_weight() || train_bias; }
  /// Of the layer's output.
  bool needs_gradient() const { return updates_anything() || kind == Kind::gradient; }
  bool operator==(const LayerUpdate&) const = default;
};

/// One entry a conv, in forward order. The classifier is always trained (docs/method.md section 1).
struct UpdatePlan {
  std::vector<LayerUpdate> convs;

  static UpdatePlan head_only(size_t conv_count) { return {std::vector<LayerUpdate>(conv_count)}; }
  bool operator==(const UpdatePlan&) const = default;
};

}  // namespace trady
