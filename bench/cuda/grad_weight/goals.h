// What the rows of all layers say together: how near the sliced gradients come to the floor, and
// how they stand to cuDNN's dense gradient.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bench/cuda/grad_weight/layer_run.h"
#include "bench/cuda/work_floor.h"

namespace trady::bench {

struct MeasuredLayer {
  Layer layer;
  LayerRun run;
};

/// The row of the sparsity, or of the nearest smaller one where several leave equally many
/// channels.
const RowTimes& row_at(const LayerRun& run, double sparsity);

/// Layers in descending order of the time that all their convs take for a dense gradient (cuDNN's;
/// without it our own of all channels), as many as make `share` of it.
std::vector<const MeasuredLayer*> layers_that_make(const std::vector<MeasuredLayer>& layers,
                                                   double share);

struct GoalSettings {
  double share_of_dense_time = 0.8;
  double most_of_floor = 1.5;
  double sparsity_of_speedup = 0.95;
  double least_speedup = 5;
  double least_dense_us = 20;
};

/// {"floor": {"share_of_dense_time", "most_of_floor", "layers", "rows": [{"sparsity", "within",
///            "layers", "worst_ratio", "worst_layer"}]},
///  "speedup": {"sparsity", "least", "least_dense_us", "layers", "reached", "smallest",
///              "smallest_layer"} or {"not_available": why}}
nlohmann::json judge_goals(const std::vector<MeasuredLayer>& layers,
                           const std::vector<double>& sparsities,
                           kernels::cuda::Precision precision, const MachineRates& rates,
                           const GoalSettings& settings);

}  // namespace trady::bench
