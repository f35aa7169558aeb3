#include "selection/cost_model.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/error.h"

namespace trady {
namespace {

using kernels::ConvShape;

int64_t positions(const ConvShape& shape, ComputeCost compute) {
  return compute == ComputeCost::output_positions ? shape.out_positions() : shape.in_positions();
}

/// Input channels that a weight of one output channel has: C, depthwise 1.
int64_t fan_in_channels(const ConvShape& shape) {
  return shape.depthwise ? 1 : shape.in_c;
}

void require_one_entry_a_conv(const UpdatePlan& plan, size_t conv_count) {
  if (plan.convs.size() != conv_count) {
    fail("[cost model] the update plan has ", plan.convs.size(), " convs, the network has ",
         conv_count, "; was the plan made for another network?");
  }
}

}  // namespace

CostModel::CostModel(std::vector<ConvLayer> convs, DepthwiseCost depthwise)
    : convs_(std::move(convs)), depthwise_(depthwise) {
  if (convs_.empty()) fail("[cost model] the network has no convolutions to select from");
  for (size_t i = 0; i < convs_.size(); ++i) {
    const ConvLayer& conv = convs_[i];
    if (conv.index != static_cast<int>(i)) {
      fail("[cost model] conv ", i, " (", conv.name, ") carries index ", conv.index,
           "; list the convs in forward order");
    }
    if (conv.shape.batch != 1) {
      fail("[cost model] conv ", i, " (", conv.name, ") has batch ", conv.shape.batch,
           "; costs are per sample, give shapes of batch 1");
    }
  }
}

ElementCost CostModel::unit(int conv) const {
  const ConvShape& shape = convs_.at(conv).shape;
  const bool counts_one = shape.depthwise && depthwise_ == DepthwiseCost::one;
  return {counts_one ? 1 : shape.weights_per_input_channel(), shape.in_positions()};
}

int64_t CostModel::unit_multiply_adds(int conv, ComputeCost compute) const {
  const ConvShape& shape = convs_.at(conv).shape;
  return shape.weights_per_input_channel() * positions(shape, compute);
}

int64_t CostModel::neuron_weights(int conv) const {
  const ConvShape& shape = convs_.at(conv).shape;
  return shape.depthwise ? unit(conv).weights : shape.in_c * shape.taps();
}

ElementCost CostModel::layer(int conv, const LayerUpdate& update) const {
  if (!update.updates_weight()) return {};
  const ConvShape& shape = convs_.at(conv).shape;
  const ElementCost one = unit(conv);
  const int64_t listed = static_cast<int64_t>(update.channels.size());
  switch (update.kind) {
    case LayerUpdate::Kind::input_channels:
      return {listed * one.weights, listed * one.activations};
    case LayerUpdate::Kind::output_channels:
      if (shape.depthwise) return {listed * one.weights, listed * one.activations};
      return {listed * neuron_weights(conv), shape.in_elements()};
    default:
      return {shape.in_c * one.weights, shape.in_elements()};
  }
}

int64_t CostModel::layer_multiply_adds(int conv, const LayerUpdate& update,
                                       ComputeCost compute) const {
  if (!update.updates_weight()) return 0;
  const ConvShape& shape = convs_.at(conv).shape;
  const int64_t listed = static_cast<int64_t>(update.channels.size());
  switch (update.kind) {
    case LayerUpdate::Kind::input_channels:
      return listed * unit_multiply_adds(conv, compute);
    case LayerUpdate::Kind::output_channels:
      return listed * fan_in_channels(shape) * shape.taps() * positions(shape, compute);
    default:
      return shape.in_c * unit_multiply_adds(conv, compute);
  }
}

ElementCost CostModel::plan(const UpdatePlan& plan) const {
  require_one_entry_a_conv(plan, convs_.size());
  ElementCost sum;
  for (int conv = 0; conv < conv_count(); ++conv) sum += layer(conv, plan.convs[conv]);
  return sum;
}

int64_t CostModel::plan_multiply_adds(const UpdatePlan& plan, ComputeCost compute) const {
  require_one_entry_a_conv(plan, convs_.size());
  int64_t sum = 0;
  for (int conv = 0; conv < conv_count(); ++conv) {
    sum += layer_multiply_adds(conv, plan.convs[conv], compute);
  }
  return sum;
}

ElementCost CostModel::network() const {
  ElementCost sum;
  for (const ConvLayer& conv : convs_) {
    sum += {conv.shape.weight_elements(), conv.shape.in_elements()};
  }
  return sum;
}

int64_t CostModel::network_multiply_adds(ComputeCost compute) const {
  int64_t sum = 0;
  for (const ConvLayer& conv : convs_) {
    sum += conv.shape.in_c * unit_multiply_adds(conv.index, compute);
  }
  return sum;
}

double CostModel::multiply_adds_saved(const UpdatePlan& plan, ComputeCost compute) const {
  return 1 - static_cast<double>(plan_multiply_adds(plan, compute)) /
                 static_cast<double>(network_multiply_adds(compute));
}

int CostModel::cheapest_conv(std::span<const int> pool) const {
  return *std::min_element(pool.begin(), pool.end(), [this](int left, int right) {
    return unit(left).total() < unit(right).total();
  });
}

std::vector<int> CostModel::all_convs() const {
  std::vector<int> indices(convs_.size());
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

}  // namespace trady
