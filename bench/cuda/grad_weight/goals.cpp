#include "bench/cuda/grad_weight/goals.h"

#include <algorithm>

namespace trady::bench {
namespace {

double dense_us(const LayerRun& run) {
  const RowTimes& dense = row_at(run, 0);
  const auto cudnn = dense.us.find(kCudnnDense);
  return cudnn != dense.us.end() ? cudnn->second.median : dense.us.at(kOwn).median;
}

double dense_us_of_all_convs(const MeasuredLayer& layer) {
  return dense_us(layer.run) * static_cast<double>(layer.layer.convs.size());
}

nlohmann::json judge_floor(const std::vector<const MeasuredLayer*>& layers,
                           const std::vector<double>& sparsities,
                           kernels::cuda::Precision precision, const MachineRates& rates,
                           const GoalSettings& settings) {
  nlohmann::json rows = nlohmann::json::array();
  for (const double sparsity : sparsities) {
    size_t within = 0;
    double worst = 0;
    std::string worst_layer;
    for (const MeasuredLayer* each : layers) {
      const RowTimes& row = row_at(each->run, sparsity);
      const Work work = sliced_gradient_work(each->layer.shape, row.channels, precision);
      const double ratio = row.us.at(kOwn).median / floor_of(work, rates).us;
      if (ratio <= settings.most_of_floor) ++within;
      if (ratio <= worst) continue;
      worst = ratio;
      worst_layer = each->layer.name;
    }
    rows.push_back({{"sparsity", sparsity},
                    {"within", within},
                    {"layers", layers.size()},
                    {"worst_ratio", worst},
                    {"worst_layer", worst_layer}});
  }
  std::vector<std::string> names;
  names.reserve(layers.size());
  for (const MeasuredLayer* each : layers) names.push_back(each->layer.name);
  return {{"share_of_dense_time", settings.share_of_dense_time},
          {"most_of_floor", settings.most_of_floor},
          {"layers", names},
          {"rows", rows}};
}

nlohmann::json judge_speedup(const std::vector<MeasuredLayer>& layers,
                             const GoalSettings& settings) {
  size_t counted = 0, reached = 0;
  double smallest = 0;
  std::string smallest_layer;
  for (const MeasuredLayer& each : layers) {
    const RowTimes& row = row_at(each.run, settings.sparsity_of_speedup);
    if (!row.us.contains(kCudnnDense)) continue;
    const double dense = row.us.at(kCudnnDense).median;
    if (dense < settings.least_dense_us) continue;
    const double speedup = dense / row.us.at(kOwn).median;
    ++counted;
    if (speedup >= settings.least_speedup) ++reached;
    if (counted > 1 && speedup >= smallest) continue;
    smallest = speedup;
    smallest_layer = each.layer.name;
  }
  nlohmann::json judged{{"sparsity", settings.sparsity_of_speedup},
                        {"least", settings.least_speedup},
                        {"least_dense_us", settings.least_dense_us},
                        {"layers", counted},
                        {"reached", reached}};
  if (counted > 0) judged.update({{"smallest", smallest}, {"smallest_layer", smallest_layer}});
  return judged;
}

}  // namespace

const RowTimes& row_at(const LayerRun& run, double sparsity) {
  const RowTimes* best = &run.rows.front();
  for (const RowTimes& row : run.rows) {
    if (row.sparsity <= sparsity && row.sparsity >= best->sparsity) best = &row;
  }
  return *best;
}

std::vector<const MeasuredLayer*> layers_that_make(const std::vector<MeasuredLayer>& layers,
                                                   double share) {
  std::vector<const MeasuredLayer*> ordered;
  double all = 0;
  for (const MeasuredLayer& layer : layers) {
    ordered.push_back(&layer);
    all += dense_us_of_all_convs(layer);
  }
  std::ranges::stable_sort(ordered, [](const MeasuredLayer* a, const MeasuredLayer* b) {
    return dense_us_of_all_convs(*a) > dense_us_of_all_convs(*b);
  });
  double sum = 0;
  size_t count = 0;
  while (count < ordered.size() && sum < share * all) {
    sum += dense_us_of_all_convs(*ordered[count++]);
  }
  ordered.resize(count);
  return ordered;
}

nlohmann::json judge_goals(const std::vector<MeasuredLayer>& layers,
                           const std::vector<double>& sparsities,
                           kernels::cuda::Precision precision, const MachineRates& rates,
                           const GoalSettings& settings) {
  const bool has_cudnn = std::ranges::any_of(layers, [](const MeasuredLayer& each) {
    return each.run.rows.front().us.contains(kCudnnDense);
  });
  return {{"floor", judge_floor(layers_that_make(layers, settings.share_of_dense_time), sparsities,
                                precision, rates, settings)},
          {"speedup", has_cudnn ? judge_speedup(layers, settings)
                                : nlohmann::json{{"not_available", "cuDNN is not built in"}}}};
}

}  // namespace trady::bench
