// What it costs to update a channel: memory in elements per sample, compute in multiply-adds.
//
// The unit of selection is one input channel c of one conv, the slice W[:, c] (depthwise W[c]).
// theta_c = C^W_c + C^A_c with C^W_c = C' D^2 (depthwise D^2) and C^A_c = H W, the layer's input
// size (docs/method.md sections 1 and 3). Batch size does not enter. Biases and the classifier are
// free.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/conv_layer.h"
#include "engine/update_plan.h"

namespace trady {

/// Weight part of a depthwise unit.
enum class DepthwiseCost {
  kernel_area,  ///< D^2, what is really stored
  one,          ///< 1, as the paper's budget of 27,946 counts (docs/method.md section 3)
};

/// Positions that a dW multiply-add is counted at.
enum class ComputeCost {
  output_positions,  ///< H' W', what is really computed
  input_positions,   ///< H W, as the paper's "FLOPs saved" figure counts
};

/// Elements per sample; 4 bytes each in float32.
struct ElementCost {
  int64_t weights = 0;
  int64_t activations = 0;

  int64_t total() const { return weights + activations; }
  ElementCost& operator+=(const ElementCost& other) {
    weights += other.weights;
    activations += other.activations;
    return *this;
  }
  bool operator==(const ElementCost&) const = default;
};

class CostModel {
 public:
  /// `convs` in forward order, `convs[i].index == i`, shapes per sample (batch 1); Error otherwise.
  explicit CostModel(std::vector<ConvLayer> convs,
                     DepthwiseCost depthwise = DepthwiseCost::kernel_area);

  const std::vector<ConvLayer>& convs() const { return convs_; }
  int conv_count() const { return static_cast<int>(convs_.size()); }
  DepthwiseCost depthwise_cost() const { return depthwise_; }

  /// theta_c of one input channel of this conv; the same for all its channels.
  ElementCost unit(int conv) const;
  /// dW of one input channel: D^2 C' H' W' (depthwise D^2 H' W').
  int64_t unit_multiply_adds(int conv, ComputeCost compute = ComputeCost::output_positions) const;

  /// Weights of one output channel (neuron): C D^2, depthwise as C^W_c of its input channel.
  int64_t neuron_weights(int conv) const;

  /// Weight gradients and saved input of one layer's update. Output channels keep the layer's whole
  /// input (a depthwise output channel needs its own input channel only).
  ElementCost layer(int conv, const LayerUpdate& update) const;
  int64_t layer_multiply_adds(int conv, const LayerUpdate& update,
                              ComputeCost compute = ComputeCost::output_positions) const;

  /// Of a whole plan; Error if it has not one entry a conv.
  ElementCost plan(const UpdatePlan& plan) const;
  int64_t plan_multiply_adds(const UpdatePlan& plan,
                             ComputeCost compute = ComputeCost::output_positions) const;

  /// Share of the convs' dense dW multiply-adds that a plan does not compute, 0 to 1. The
  /// classifier, which every method trains, does not count.
  double multiply_adds_saved(const UpdatePlan& plan,
                             ComputeCost compute = ComputeCost::output_positions) const;

  /// All conv weights and all input activations; depthwise convs count D^2 whatever the option, as
  /// in the paper's totals.
  ElementCost network() const;
  int64_t network_multiply_adds(ComputeCost compute = ComputeCost::output_positions) const;

  /// The conv of the cheapest unit among `pool` (the first of equals); `pool` is not empty.
  int cheapest_conv(std::span<const int> pool) const;
  /// 0, 1, ..., conv_count - 1.
  std::vector<int> all_convs() const;

 private:
  std::vector<ConvLayer> convs_;
  DepthwiseCost depthwise_;
};

}  // namespace trady
